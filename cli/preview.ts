import { recordedRefusal, remeasure } from "./admission";
import { EXIT, type ExitCode } from "./failure";
import { prepare } from "./prepare";
import { enforcePolicies, POLICY_PACK } from "./policy";
import { announceRestart } from "./restart-notice";
import { readConfig, readProject, type Project } from "./project";
import { recordedFacts } from "./pulumi-state";

export interface PreviewOptions {
  readonly diff?: boolean;
}

/** What `up` would change, by plan and state alone; no host is contacted. */
export async function preview(stack: string, options: PreviewOptions): Promise<ExitCode> {
  const { pulumi } = await prepare(stack, readConfig(stack));
  // Pulumi takes as long to tell its state as the plan takes.
  const [state, project] = await Promise.all([pulumi.state(), Promise.resolve().then(() => admitted(stack))]);
  const refusal = recordedRefusal(project, recordedFacts(state));
  if (refusal !== undefined)
    console.error(`As the host was when it was measured last; up measures it again:\n\n${refusal}\n`);
  const diff = options.diff ? ["--diff"] : [];
  const code = await pulumi.show("preview", ...POLICY_PACK, ...diff, ...remeasure(stack, refusal));
  return code === 0 ? EXIT.good : EXIT.failed;
}

function admitted(stack: string): Project {
  const project = readProject(stack);
  enforcePolicies(project);
  announceRestart(project);
  return project;
}
