import { settleAddress } from "./address";
import { explainFailure } from "./aftermath";
import { confirm } from "./confirm";
import { recordDeployment } from "./deployed";
import { CommandFailure, Declined, EXIT, type ExitCode } from "./failure";
import { ensureFacts } from "./facts";
import { makeReady } from "./make-ready";
import { followHost } from "./progress";
import { enforcePolicies, POLICY_PACK } from "./policy";
import { hostAddress, readConfig, readProject, type Project } from "./project";
import { prepare, type Prepared } from "./prepare";
import { announceRestart } from "./restart-notice";
import { rebootHost, rebootIsWanted } from "./reboot";
import { refuseHalfRestored } from "./restore-marker";
import { stackFileText } from "./stack-file";
import type { Stage } from "./stop-request";
import { summary } from "./summary";

export interface DeployOptions {
  readonly yes?: boolean;
}

/** What a deployment that is stopped says before it has come to the host. */
export const firstStage = (stack: string): Stage => ({
  doing: "preparing this machine",
  consequence: "Nothing was changed on the host.",
  wayOut: `npm run up -- ${stack}`,
});

/**
 * Makes the host as the stack file says now, proves the endpoint, and says how to use it. Whoever calls it holds the stack's
 * run lock, and has held it since before the stack file was changed.
 * @throws Declined when a person at the terminal does not consent
 */
export async function deploy(stack: string, stage: Stage, options: DeployOptions): Promise<ExitCode> {
  refuseHalfRestored(stack);
  const began = performance.now();
  const config = readConfig(stack);
  const stackFile = stackFileText(stack);
  await ensureFacts(stack, config);
  const prepared = await prepare(stack, config);
  const project = readProject(stack);
  enforcePolicies(project);
  let code = await runPulumi(project, prepared, stage, options);
  if (code === REBOOT) {
    stage.doing = "waiting for the host to come back from its reboot";
    await rebootHost(project);
    code = await runPulumi(project, prepared, stage, { ...options, yes: true, rebooted: true });
  }
  if (code !== EXIT.good) return code === REBOOT ? EXIT.failed : code;
  const moved = await settleAddress(project, stage);
  const outputs = await prepared.pulumi.outputs();
  recordDeployment(project, stackFile);
  console.log(summary(project, outputs));
  if (moved !== undefined) console.log(moved);
  console.log(`Done in ${seconds(began)}.`);
  return EXIT.good;
}

/** A driver that was just installed has to be loaded, and the stack file consents to a reboot. */
const REBOOT = "reboot";

interface RunOptions extends DeployOptions {
  /** The host has been rebooted in this run; once is enough. */
  readonly rebooted?: boolean;
}

async function runPulumi(
  project: Project,
  prepared: Prepared,
  stage: Stage,
  options: RunOptions,
): Promise<ExitCode | typeof REBOOT> {
  const { pulumi } = prepared;
  const began = performance.now();
  const follower = followHost(hostAddress(project), (line) => {
    console.error(`  host ${seconds(began).padStart(7)}  ${line}`);
  });
  try {
    const extra = await makeReady(project, prepared, stage);
    await agree(project, prepared, extra, options);
    stage.doing = "deploying";
    const code = await pulumi.show(
      "up",
      "--yes",
      "--skip-preview",
      "--suppress-outputs",
      "--suppress-progress",
      ...POLICY_PACK,
      ...extra,
    );
    if (code !== 0 && !options.rebooted && (await rebootIsWanted(project))) return REBOOT;
    if (code !== 0) await explainFailure(project, stage);
    return code === 0 ? EXIT.good : EXIT.failed;
  } finally {
    follower.stop();
  }
}

/** A person at a terminal sees first what would happen to an existing host, repairs included. @throws Declined */
async function agree(
  project: Project,
  { pulumi }: Prepared,
  extra: readonly string[],
  { yes }: DeployOptions,
): Promise<void> {
  const { config, stack } = project;
  if (config.target.kind !== "ssh" || yes) return;
  if ((await pulumi.show("preview", ...POLICY_PACK, ...extra)) !== 0)
    throw new CommandFailure(
      `${stack} cannot be deployed like this. Nothing was changed on the host.`,
      "see the message above",
    );
  announceRestart(project);
  if (!(await confirm(`Change ${config.target.host} like this?`)))
    throw new Declined(
      `Nothing was changed on ${config.target.host}: the question was not answered with yes.`,
      `npm run up -- ${stack} asks again`,
    );
}

function seconds(began: number): string {
  return `${((performance.now() - began) / 1000).toFixed(1)} s`;
}
