import { deploy, firstStage, type DeployOptions } from "./deploy";
import { UsageError, type ExitCode } from "./failure";
import { readConfig } from "./project";
import { alone } from "./run-lock";
import { stoppable } from "./stop-request";

/** Makes the host as the stack file says, repairs what drifted, proves the endpoint, and says how to use it. */
export async function up(stack: string, options: DeployOptions): Promise<ExitCode> {
  const { target } = readConfig(stack);
  if (target.kind === "ssh" && !options.yes && !process.stdin.isTTY) {
    throw new UsageError(
      `${stack} is an existing host, and nobody is here to confirm the changes`,
      `npm run preview -- ${stack} shows them; npm run up -- ${stack} --yes makes them`,
    );
  }
  const stage = firstStage(stack);
  return stoppable(stage, () => alone(stack, "up", () => deploy(stack, stage, options)));
}
