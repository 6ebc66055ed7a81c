import type { StackConfig } from "../plan/config/schema";
import { ensureToolchain } from "../toolchain/ensure";
import { Pulumi } from "./pulumi";

/** Everything that a verb which runs Pulumi needs, announced and made where it is missing. */
export async function prepare(stack: string, config: StackConfig): Promise<{ pulumi: Pulumi; environment: Record<string, string> }> {
  const { environment } = await ensureToolchain({ stack, config });
  const pulumi = new Pulumi(stack, environment);
  await pulumi.ensureStack();
  return { pulumi, environment };
}
