import { readPlanContext } from "../plan/context";
import { exampleValues, StillAnExample } from "../plan/config/example-values";
import type { StackConfig } from "../plan/config/schema";
import { makePlan } from "../plan/plan";
import { surveyToolchain } from "../toolchain/ensure";
import { renderDrift } from "./drift";
import { EXIT, type ExitCode } from "./failure";
import { compareWhenReady } from "./host-look";
import { PROJECT, readConfig, readProject, type Project } from "./project";
import { prepare, wantedPieces } from "./prepare";
import { forgetHalfMade } from "./recovery";
import { alone } from "./run-lock";
import { sandboxState, wakeSandbox } from "./sandbox-state";
import { SshError } from "./ssh";

async function machine(stack: string, config: StackConfig): Promise<boolean> {
  const findings = await surveyToolchain(wantedPieces(stack, config));
  for (const finding of findings) {
    if (finding.state === "ready") console.log(`ok       ${finding.name}`);
    else if (finding.state === "missing")
      console.log(`missing  ${finding.name}: ${finding.intent.how}; npm run up -- ${stack} makes it`);
    else console.log(`cannot   ${finding.name}: ${finding.fault.message}`);
  }
  return findings.every(({ state }) => state !== "impossible");
}

function planned(stack: string, config: StackConfig): Project | undefined {
  try {
    const context = readPlanContext(PROJECT, stack, config);
    return { stack, config, context, plan: makePlan(config, context) };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    console.log(`stack    ${error.message}`);
    return undefined;
  }
}

async function host(project: Project): Promise<void> {
  const sandbox = await sandboxState(project);
  if (sandbox === "missing" || sandbox === "stopped") {
    console.log(`host     the sandbox is ${sandbox}; npm run up -- ${project.stack} mends that`);
    return;
  }
  try {
    console.log(`host     ${renderDrift(await compareWhenReady(project), project.stack)}`);
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    console.log(`host     ${error.message}`);
  }
}

export interface DoctorOptions {
  readonly fix?: boolean;
}

/**
 * Says what is there on this machine, in the stack and on the host, and what would be done about the rest. With `fix` it
 * does what changes nothing on a host: installs what is missing here, releases the lock of a run that was killed, forgets
 * what that run had half made, starts a stopped sandbox.
 */
export async function doctor(stack: string, { fix = false }: DoctorOptions = {}): Promise<ExitCode> {
  const config = readConfig(stack, "view");
  const possible = await machine(stack, config);
  if (fix && possible) await mend(stack, config);
  const project = planned(stack, config);
  const examples = exampleValues(config);
  if (examples.length > 0) console.log(`host     ${new StillAnExample(stack, examples).message}`);
  else if (project) await host(project);
  return possible ? EXIT.good : EXIT.failed;
}

function mend(stack: string, config: StackConfig): Promise<void> {
  return alone(stack, "doctor", async () => {
    const { pulumi, environment } = await prepare(stack, config);
    const project = readProject(stack, "view");
    await pulumi.releaseAbandonedLock((line) => console.log(`mended   ${line}`));
    await forgetHalfMade(pulumi, await pulumi.state(), project, environment);
    await wakeSandbox(project, environment);
  });
}
