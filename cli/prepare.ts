import type { StackConfig } from "../plan/config/schema";
import { ensureToolchain } from "../toolchain/ensure";
import { lineProgress } from "../toolchain/progress";
import { Pulumi } from "./pulumi";

export interface Prepared {
  readonly pulumi: Pulumi;
  readonly environment: Readonly<Record<string, string>>;
}

/** Everything that a verb which runs Pulumi needs, announced and made where it is missing. */
export async function prepare(stack: string, config: StackConfig): Promise<Prepared> {
  const { environment } = await ensureToolchain({
    stack,
    sandbox: config.target.kind === "sandbox",
    ollama: config.engine.version,
    tinyModel: config.models.some(({ source }) => source === "builtin:tiny"),
    progress: lineProgress((line) => console.error(line)),
  });
  const pulumi = new Pulumi(stack, environment);
  await pulumi.ensureStack();
  return { pulumi, environment };
}
