import { rmSync } from "node:fs";
import { join } from "node:path";
import type { StackConfig } from "../plan/config/schema";
import { STATE_FOLDER } from "../plan/context";
import { CommandFailure, EXIT, UsageError, type ExitCode } from "./failure";
import { prepare } from "./prepare";
import { hostAddress, PROJECT, readConfig, readProject } from "./project";
import { alone } from "./run-lock";
import { runOverSsh } from "./ssh";
import { stoppable, type Stage } from "./stop-request";

export interface DestroyOptions {
  readonly yes?: boolean;
  readonly purge?: boolean;
}

const MARK_PURGE = `as=; [ "$(id -u)" = 0 ] || as="sudo -n"; $as test ! -d /var/lib/tms-llm || $as touch /var/lib/tms-llm/purge`;

/** Takes back what `up` made; models stay on an existing host unless purged. The sandbox goes as a whole. */
export async function destroy(stack: string, options: DestroyOptions): Promise<ExitCode> {
  const config = readConfig(stack);
  const sandbox = config.target.kind === "sandbox";
  if (!sandbox && !options.yes && !process.stdin.isTTY) {
    throw new UsageError(
      `${stack} is an existing host, and nobody is here to confirm`,
      `npm run destroy -- ${stack} --yes`,
    );
  }
  const stage: Stage = {
    doing: "preparing this machine",
    consequence: "Nothing was taken back yet.",
    wayOut: `npm run destroy -- ${stack}`,
  };
  return stoppable(stage, () => alone(stack, "destroy", () => takeBack(stack, config, options, stage)));
}

async function takeBack(stack: string, config: StackConfig, options: DestroyOptions, stage: Stage): Promise<ExitCode> {
  const sandbox = config.target.kind === "sandbox";
  const { pulumi } = await prepare(stack, config);
  await pulumi.releaseAbandonedLock((line) => console.error(line));
  if (options.purge && !sandbox) {
    // A delete runs with the inputs of the last deployment, so the wish is left on the host.
    const marked = await runOverSsh(hostAddress(readProject(stack)), MARK_PURGE);
    if (marked.code !== 0)
      throw new CommandFailure(
        `the host could not be marked for purging: ${marked.stderr.trim()}`,
        "check the SSH user's sudo rights",
      );
  }
  stage.doing = "taking back what was deployed";
  stage.consequence =
    "What is not gone yet stays as it is; a removal that runs on the host comes to its end by itself.";
  stage.wayOut = `npm run destroy -- ${stack} goes on from there; npm run up -- ${stack} deploys again`;
  const code = await pulumi.show("destroy", ...(sandbox || options.yes ? ["--yes", "--skip-preview"] : []));
  if (code !== 0) return EXIT.failed;
  if (sandbox) {
    await pulumi.removeStack();
    rmSync(join(PROJECT, STATE_FOLDER, stack), { recursive: true, force: true });
  }
  return EXIT.good;
}
