import { EXIT, UsageError, type ExitCode } from "./failure";
import { ensureFacts } from "./facts";
import { measureDrift, renderDrift } from "./drift";
import { followHost } from "./progress";
import { hostAddress, readConfig, readProject, type Project } from "./project";
import { prepare, type Prepared } from "./prepare";
import { wakeSandbox } from "./sandbox-state";
import { SshError } from "./ssh";
import { summary } from "./summary";
import { phaseUrns } from "../plan/urns";
import type { PhaseName } from "../plan/step";

export interface UpOptions {
  readonly yes?: boolean;
}

/** Phases that drifted or never finished: Pulumi's state alone would not notice. */
async function phasesToRepair(project: Project): Promise<readonly PhaseName[]> {
  try {
    const report = await measureDrift(project);
    const unexpected = report.differences.filter(({ step }) => step !== "-");
    if (unexpected.length > 0) console.error(renderDrift({ ...report, differences: unexpected }, project.stack));
    return report.repair;
  } catch (error) {
    // No host in reach: a sandbox that is still to be made, or a fault that the deployment itself will name.
    if (error instanceof SshError) return [];
    throw error;
  }
}

function seconds(began: number): string {
  return `${((performance.now() - began) / 1000).toFixed(1)} s`;
}

async function deploy(project: Project, { pulumi, environment }: Prepared): Promise<number> {
  const sandbox = await wakeSandbox(project, environment);
  const repair = sandbox === "missing" ? [] : await phasesToRepair(project);
  // A container that was removed behind Pulumi's back is still in its state.
  const refresh = sandbox === "missing" ? ["--refresh"] : [];
  const replace = phaseUrns("tms-llm", project.stack, project.plan, repair).flatMap((urn) => ["--replace", urn]);
  const began = performance.now();
  const follower = followHost(hostAddress(project), (line) =>
    console.error(`  host ${seconds(began).padStart(7)}  ${line}`),
  );
  try {
    return await pulumi.show(
      "up",
      "--yes",
      "--skip-preview",
      "--suppress-outputs",
      "--suppress-progress",
      ...refresh,
      ...replace,
    );
  } finally {
    follower.stop();
  }
}

/** Makes the host as the stack file says, repairs what drifted, proves the endpoint, and says how to use it. */
export async function up(stack: string, options: UpOptions): Promise<ExitCode> {
  const began = performance.now();
  const config = readConfig(stack);
  if (config.target.kind === "ssh" && !options.yes && !process.stdin.isTTY) {
    throw new UsageError(
      `${stack} is an existing host, and nobody is here to confirm the changes`,
      `npm run preview -- ${stack} shows them; npm run up -- ${stack} --yes makes them`,
    );
  }
  await ensureFacts(stack, config);
  const prepared = await prepare(stack, config);
  const { pulumi } = prepared;
  const project = readProject(stack);
  if (config.target.kind === "ssh" && !options.yes) {
    const previewed = await pulumi.show("preview");
    if (previewed !== 0 || !(await confirm(`Change ${config.target.host} like this?`)))
      return previewed === 0 ? EXIT.good : EXIT.failed;
  }
  const code = await deploy(project, prepared);
  if (code !== 0) {
    console.error(
      `\n${stack} is not as planned; the message above says why. After mending it, npm run up -- ${stack} goes on where it stopped.`,
    );
    return EXIT.failed;
  }
  console.log(summary(project, await pulumi.outputs()));
  console.log(`Done in ${seconds(began)}.`);
  return EXIT.good;
}

async function confirm(question: string): Promise<boolean> {
  const { createInterface } = await import("node:readline/promises");
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test(await terminal.question(`${question} [y/N] `));
  } finally {
    terminal.close();
  }
}
