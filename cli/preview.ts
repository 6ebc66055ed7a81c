import { EXIT, type ExitCode } from "./failure";
import { prepare } from "./prepare";
import { readConfig } from "./project";

export interface PreviewOptions {
  readonly diff?: boolean;
}

/** What `up` would change, by plan and state alone; no host is contacted. */
export async function preview(stack: string, options: PreviewOptions): Promise<ExitCode> {
  const { pulumi } = await prepare(stack, readConfig(stack));
  const code = await pulumi.show("preview", ...(options.diff ? ["--diff"] : []));
  return code === 0 ? EXIT.good : EXIT.failed;
}
