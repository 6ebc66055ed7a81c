import type { StackConfig } from "../plan/config/schema";
import { exampleNotice, exampleValues } from "../plan/config/example-values";
import { assumptions } from "../plan/review/assumptions";
import { recordedRefusal, remeasure } from "./admission";
import { EXIT, type ExitCode } from "./failure";
import { prepareView } from "./prepare";
import { enforcePolicies, POLICY_PACK } from "./policy";
import { announceRestart } from "./restart-notice";
import { readConfig, readProject, type Project } from "./project";
import { Pulumi } from "./pulumi";
import { recordedFacts } from "./pulumi-state";
import { stoppable } from "./stop-request";
import { withThrowAwayStack } from "./throw-away-stack";

export interface PreviewOptions {
  readonly diff?: boolean;
}

/** What `up` would change, by plan and state alone; no host is contacted, and no state is written. */
export async function preview(stack: string, options: PreviewOptions): Promise<ExitCode> {
  const config = readConfig(stack, "view");
  const stage = {
    doing: `previewing ${stack}`,
    consequence: "Nothing was changed.",
    wayOut: `npm run preview -- ${stack} begins again`,
  };
  return stoppable(stage, () => show(stack, config, options));
}

async function show(stack: string, config: StackConfig, options: PreviewOptions): Promise<ExitCode> {
  const environment = await prepareView(stack, config);
  const pulumi = new Pulumi(stack, environment);
  // Pulumi takes as long to tell its state as the plan takes.
  const [deployed, project] = await Promise.all([pulumi.hasResources(), Promise.resolve().then(() => admitted(stack))]);
  const notice = exampleNotice(stack, exampleValues(project.config));
  if (notice !== undefined) console.error(`${notice}\n`);
  for (const line of assumptions(project.config, project.context)) console.error(line);
  const run = (of: Pulumi, ...more: readonly string[]) =>
    of.show("preview", ...POLICY_PACK, ...(options.diff ? ["--diff"] : []), ...more);
  if (!deployed) {
    const where = pulumi.backend === undefined ? "" : ` (${pulumi.backend})`;
    console.error(`Nothing of ${stack} is deployed by Pulumi's state${where}: all is shown as new.\n`);
    return exitCode(await withThrowAwayStack(stack, environment, (empty, more) => run(empty, ...more)));
  }
  await pulumi.ensureStack();
  const refusal = recordedRefusal(project, recordedFacts(await pulumi.state()));
  if (refusal !== undefined)
    console.error(`As the host was when it was measured last; up measures it again:\n\n${refusal}\n`);
  return exitCode(await run(pulumi, ...remeasure(stack, refusal)));
}

const exitCode = (code: number): ExitCode => (code === 0 ? EXIT.good : EXIT.failed);

function admitted(stack: string): Project {
  const project = readProject(stack, "view");
  enforcePolicies(project);
  announceRestart(project);
  return project;
}
