import { rmSync } from "node:fs";
import { join } from "node:path";
import type { StackConfig } from "../plan/config/schema";
import { STATE_FOLDER } from "../plan/context";
import { markPurgeText, NO_ROOT } from "../plan/render/loader";
import { settleAddress } from "./address";
import { confirm } from "./confirm";
import { CommandFailure, EXIT, UsageError, type ExitCode } from "./failure";
import { prepare } from "./prepare";
import { hostAddress, PROJECT, readConfig, readHost } from "./project";
import type { Pulumi } from "./pulumi";
import { deployedAt, ownsHost, type PulumiState } from "./pulumi-state";
import { noRoot } from "./root-rights";
import { alone } from "./run-lock";
import { runOverSsh, SshError } from "./ssh";
import { stoppable, type Stage } from "./stop-request";

export interface DestroyOptions {
  readonly yes?: boolean;
  readonly purge?: boolean;
}

/** Takes back what `up` made; models stay on an existing host unless purged. The sandbox goes as a whole. */
export async function destroy(stack: string, options: DestroyOptions): Promise<ExitCode> {
  const config = readConfig(stack);
  const again = `npm run destroy -- ${stack}${options.purge ? " --purge" : ""}`;
  if (config.target.kind === "ssh" && !options.yes && !process.stdin.isTTY)
    throw new UsageError(`${stack} is an existing host, and nobody is here to confirm`, `${again} --yes`);
  const stage: Stage = {
    doing: "preparing this machine",
    consequence: "Nothing was taken back yet.",
    wayOut: again,
  };
  return stoppable(stage, () => alone(stack, "destroy", () => takeBack(stack, config, options, stage)));
}

async function takeBack(stack: string, config: StackConfig, options: DestroyOptions, stage: Stage): Promise<ExitCode> {
  const { pulumi } = await prepare(stack, config);
  await pulumi.releaseAbandonedLock((line) => console.error(line));
  if (config.target.kind === "ssh") {
    const state = await pulumi.state();
    sameHost(stack, config.target, state);
    await agree(config.target.host, pulumi, options, stage);
    if (ownsHost(state)) await markPurge(stack, config, options);
  }
  const again = stage.wayOut;
  stage.doing = "taking back what was deployed";
  stage.consequence =
    "What is not gone yet stays as it is; a removal that runs on the host comes to its end by itself.";
  stage.wayOut = `${again} goes on from there; npm run up -- ${stack} deploys again`;
  if ((await pulumi.show("destroy", "--yes", "--skip-preview")) !== 0) return EXIT.failed;
  if (config.target.kind === "ssh") await giveAddressBack(stack, config, stage);
  if (config.target.kind === "sandbox") {
    await pulumi.removeStack();
    rmSync(join(PROJECT, STATE_FOLDER, stack), { recursive: true, force: true });
  }
  return EXIT.good;
}

/** Pulumi removes where it last deployed, whatever the stack file says by now. @throws UsageError where that is another host */
function sameHost(
  stack: string,
  { host, port }: Extract<StackConfig["target"], { kind: "ssh" }>,
  state: PulumiState,
): void {
  const [named, at] = [`${host}:${port}`, deployedAt(state)];
  if (at === undefined || at === named) return;
  throw new UsageError(
    `${stack} was last deployed to ${at}, and its stack file names ${named}. Nothing was taken back.`,
    `set target.host to the former to take it back from there, or npm run up -- ${stack} first; a host that no state knows any more is freed on itself: bash /var/lib/tms-llm/remover/phase.sh submit-removal`,
  );
}

/** A person at a terminal sees first what would go. @throws CommandFailure when they say no */
async function agree(host: string, pulumi: Pulumi, { yes, purge }: DestroyOptions, { wayOut }: Stage): Promise<void> {
  if (yes) return;
  if ((await pulumi.show("destroy", "--preview-only")) !== 0)
    throw new CommandFailure(`Nothing was taken back from ${host}.`, "see the message above");
  const whole = purge ? ", and its models and NVIDIA driver where they are ours" : "; models stay";
  if (!(await confirm(`Take this back from ${host}${whole}?`)))
    throw new CommandFailure(
      `Nothing was changed on ${host}: the question was not answered with yes.`,
      `${wayOut} asks again`,
    );
}

/** Leaves the wish on the host, or takes back that of a removal which did not come to its end. @throws CommandFailure, SshError */
async function markPurge(stack: string, config: StackConfig, { purge = false }: DestroyOptions): Promise<void> {
  const { code, stderr } = await runOverSsh(hostAddress(readHost(stack, config)), markPurgeText(purge));
  if (code === NO_ROOT) throw noRoot(config);
  if (code !== 0)
    throw new CommandFailure(
      `The host could not be told whether to purge: ${stderr.trim()}. Nothing was taken back.`,
      "see that /var/lib/tms-llm on the host can be written to",
    );
}

/** After everything else, since Pulumi reaches the host where it was deployed. */
async function giveAddressBack(stack: string, config: StackConfig, stage: Stage): Promise<void> {
  try {
    const moved = await settleAddress({ stack, ...readHost(stack, config) }, stage, { goals: ["former"] });
    if (moved !== undefined) console.log(moved);
  } catch (error) {
    // A host that is gone for good has nothing to give back.
    if (!(error instanceof SshError) || config.network.address !== undefined) throw error;
  }
}
