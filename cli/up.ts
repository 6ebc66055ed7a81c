import { admitArtifacts, admitHost, wouldRefuse } from "./admission";
import { explainFailure } from "./aftermath";
import { confirm } from "./confirm";
import { recordDeployment, stackFileText } from "./deployed";
import { CommandFailure, EXIT, UsageError, type ExitCode } from "./failure";
import { ensureFacts } from "./facts";
import { lookAtHost, NO_HOST } from "./host-look";
import { followHost } from "./progress";
import { enforcePolicies, POLICY_PACK } from "./policy";
import { hostAddress, readConfig, readProject, type Project } from "./project";
import { prepare, type Prepared } from "./prepare";
import { recordedFacts } from "./pulumi-state";
import { rebootHost, rebootIsWanted } from "./reboot";
import { forgetHalfMade } from "./recovery";
import { refuseHalfRestored } from "./restore-marker";
import { alone } from "./run-lock";
import { wakeSandbox } from "./sandbox-state";
import { stoppable, type Stage } from "./stop-request";
import { summary } from "./summary";
import { phaseUrns, preflightUrn } from "../plan/urns";

const PROJECT_NAME = "tms-llm";

export interface UpOptions {
  readonly yes?: boolean;
}

/** Makes the host as the stack file says, repairs what drifted, proves the endpoint, and says how to use it. */
export async function up(stack: string, options: UpOptions): Promise<ExitCode> {
  const config = readConfig(stack);
  if (config.target.kind === "ssh" && !options.yes && !process.stdin.isTTY) {
    throw new UsageError(
      `${stack} is an existing host, and nobody is here to confirm the changes`,
      `npm run preview -- ${stack} shows them; npm run up -- ${stack} --yes makes them`,
    );
  }
  const stage: Stage = {
    doing: "preparing this machine",
    consequence: "Nothing was changed on the host.",
    wayOut: `npm run up -- ${stack}`,
  };
  return stoppable(stage, () =>
    alone(stack, "up", async () => {
      refuseHalfRestored(stack);
      const began = performance.now();
      const stackFile = stackFileText(stack);
      await ensureFacts(stack, config);
      const prepared = await prepare(stack, config);
      const project = readProject(stack);
      enforcePolicies(project);
      let code = await deploy(project, prepared, stage, options);
      if (code === REBOOT) {
        stage.doing = "waiting for the host to come back from its reboot";
        await rebootHost(project);
        code = await deploy(project, prepared, stage, { ...options, yes: true, rebooted: true });
      }
      if (code !== EXIT.good) return code === REBOOT ? EXIT.failed : code;
      const outputs = await prepared.pulumi.outputs();
      recordDeployment(project, stackFile);
      console.log(summary(project, outputs));
      console.log(`Done in ${seconds(began)}.`);
      return EXIT.good;
    }),
  );
}

/** A driver that was just installed has to be loaded, and the stack file consents to a reboot. */
const REBOOT = "reboot";

interface DeployOptions extends UpOptions {
  /** The host has been rebooted in this run; once is enough. */
  readonly rebooted?: boolean;
}

async function deploy(
  project: Project,
  prepared: Prepared,
  stage: Stage,
  options: DeployOptions,
): Promise<ExitCode | typeof REBOOT> {
  const { pulumi } = prepared;
  const began = performance.now();
  const follower = followHost(hostAddress(project), (line) => {
    console.error(`  host ${seconds(began).padStart(7)}  ${line}`);
  });
  try {
    const extra = await makeReady(project, prepared, stage);
    await agree(project, prepared, options);
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

/** Clears up after earlier runs and lets the host through the gates. @returns options for Pulumi */
async function makeReady(project: Project, { pulumi, environment }: Prepared, stage: Stage): Promise<string[]> {
  const { stack, plan } = project;
  await pulumi.releaseAbandonedLock((line) => console.error(line));
  const state = await pulumi.state();
  await forgetHalfMade(pulumi, state, project, environment);
  stage.doing = "looking at the host";
  const sandbox = await wakeSandbox(project, environment);
  const { exists, unfinished, repair } = sandbox === "missing" ? NO_HOST : await lookAtHost(project);
  if (exists && unfinished) await admitHost(project);
  if (unfinished) await admitArtifacts(project, repair);
  const facts = recordedFacts(state);
  const replace = [
    ...(facts !== undefined && wouldRefuse(facts, project) ? [preflightUrn(PROJECT_NAME, stack)] : []),
    ...(exists ? phaseUrns(PROJECT_NAME, stack, plan, repair) : []),
  ];
  // Pulumi refuses to replace what it does not have; that is made anyway.
  const known = new Set(state.deployment.resources?.map(({ urn }) => urn));
  return [
    // A container that was removed behind Pulumi's back is still in its state.
    ...(sandbox === "missing" ? ["--refresh"] : []),
    ...replace.filter((urn) => known.has(urn)).flatMap((urn) => ["--replace", urn]),
  ];
}

/** A person at a terminal sees first what would happen to an existing host. @throws CommandFailure when they say no */
async function agree({ config, stack }: Project, { pulumi }: Prepared, { yes }: UpOptions): Promise<void> {
  if (config.target.kind !== "ssh" || yes) return;
  if ((await pulumi.show("preview", ...POLICY_PACK)) !== 0)
    throw new CommandFailure(
      `${stack} cannot be deployed like this. Nothing was changed on the host.`,
      "see the message above",
    );
  if (!(await confirm(`Change ${config.target.host} like this?`)))
    throw new CommandFailure(
      `Nothing was changed on ${config.target.host}: the question was not answered with yes.`,
      `npm run up -- ${stack} asks again`,
    );
}

function seconds(began: number): string {
  return `${((performance.now() - began) / 1000).toFixed(1)} s`;
}
