import { NotPrepared } from "../plan/artifacts";
import { ConfigurationFaults } from "../plan/config/faults";
import { FaultyFactsFile } from "../plan/host-facts";
import { PlanRefused } from "../plan/preflight/refusal";
import type { Plan } from "../plan/plan";
import { differingFiles, RESTART_NOTICE, restartsEngine } from "../plan/review/restart";
import { deployments } from "./deployed";
import { projectOf, type Project } from "./project";

/** Tells before a deployment that clients are going to see a pause. What Pulumi shows is lines of files. */
export function announceRestart({ stack, plan }: Project): void {
  const former = deployedPlan(stack);
  if (former && restartsEngine(differingFiles(former, plan))) console.log(`${RESTART_NOTICE.replaceAll("`", "")}\n`);
}

const UNTELLABLE = [ConfigurationFaults, FaultyFactsFile, NotPrepared, PlanRefused];

/** What was deployed last, as far as its stack file tells; undefined where there is none, or none that is understood any more. */
function deployedPlan(stack: string): Plan | undefined {
  const [newest] = deployments(stack);
  if (!newest) return undefined;
  try {
    return projectOf(stack, newest.stackFile).plan;
  } catch (error) {
    // Written for an earlier version of this project, for other facts of the host, or with artifacts that are gone.
    if (UNTELLABLE.some((kind) => error instanceof kind)) return undefined;
    throw error;
  }
}
