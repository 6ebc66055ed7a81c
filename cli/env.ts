import { shellExports } from "../toolchain/environment";
import { EXIT, type ExitCode } from "./failure";
import { prepare } from "./prepare";
import { readConfig } from "./project";

/** Prints exports, and nothing else, on standard output. */
export async function env(stack: string): Promise<ExitCode> {
  const { environment } = await prepare(stack, readConfig(stack, "view"));
  process.stdout.write(shellExports(environment));
  return EXIT.good;
}
