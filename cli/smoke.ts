import { EXIT, type ExitCode } from "./failure";
export async function smoke(): Promise<ExitCode> {
  return EXIT.good;
}
