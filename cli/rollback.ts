import { createTwoFilesPatch } from "diff";
import { rolledBack } from "../plan/config/stack-file-rollback";
import { confirm } from "./confirm";
import { NotPrepared } from "../plan/artifacts";
import { deploy, firstStage } from "./deploy";
import { deployments, type Deployment } from "./deployed";
import { Declined, UsageError, type ExitCode } from "./failure";
import { projectOf, readConfig } from "./project";
import { alone } from "./run-lock";
import { stackFileText, writeStackFile } from "./stack-file";
import { stoppable } from "./stop-request";

export interface RollbackOptions {
  readonly yes?: boolean;
}

/**
 * Puts the stack file of the last good deployment back and deploys it: the one before the present, or, where the stack
 * file was changed since, the present one. Clients and their keys stay as they are.
 */
export async function rollback(stack: string, options: RollbackOptions): Promise<ExitCode> {
  readConfig(stack);
  const stage = firstStage(stack);
  return stoppable(stage, () =>
    alone(stack, "rollback", async () => {
      const text = await chooseStackFile(stack, options);
      writeStackFile(stack, text);
      return deploy(stack, stage, { yes: true });
    }),
  );
}

/** The text of the stack file to go back to, consented to. @throws UsageError, Declined */
async function chooseStackFile(stack: string, { yes }: RollbackOptions): Promise<string> {
  const file = `Pulumi.${stack}.yaml`;
  const present = stackFileText(stack);
  const target = deployments(stack)
    .map((deployment) => ({ deployment, text: rolledBack(present, deployment.stackFile, { stack, file }) }))
    .find(({ text }) => text !== present);
  if (target === undefined)
    throw new UsageError(
      `there is no other deployment of ${stack} to go back to`,
      `the stack files of the last two successful deployments are kept; to undo more, take ${file} from git and run npm run up -- ${stack}`,
    );
  console.log(createTwoFilesPatch(file, `${file} of ${target.deployment.at}`, present, target.text));
  const warning = otherCode(stack, target);
  if (warning !== undefined) console.log(warning);
  if (!yes) {
    if (!process.stdin.isTTY) throw new UsageError("nobody is here to confirm", `npm run rollback -- ${stack} --yes`);
    if (!(await confirm("Deploy this?")))
      throw new Declined(
        "Nothing was changed: the question was not answered with yes.",
        `npm run rollback -- ${stack} asks again`,
      );
  }
  return target.text;
}

/** The stack file alone is kept: what the code has become since, it stays. */
function otherCode(stack: string, { deployment, text }: { deployment: Deployment; text: string }): string | undefined {
  try {
    if (projectOf(stack, text).plan.digest === deployment.digest) return undefined;
  } catch (error) {
    // An archive that this machine has yet to fetch: the plan is made when it is there.
    if (!(error instanceof NotPrepared)) throw error;
  }
  return `The plan will not be the former one to the letter: this checkout, the clients or this machine's artifacts have changed since. For the former code too: git checkout that revision, then npm run up -- ${stack}.`;
}
