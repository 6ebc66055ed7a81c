import { movedAway } from "./address";
import { phaseUrns } from "../plan/urns";
import { admitArtifacts, admitHost, recordedRefusal, remeasure } from "./admission";
import { settleDeliveries } from "./deliveries";
import { lookAtHost, NO_HOST } from "./host-look";
import type { Prepared } from "./prepare";
import { PULUMI_PROJECT, type Project } from "./project";
import { recordedFacts } from "./pulumi-state";
import { forgetHalfMade } from "./recovery";
import { wakeSandbox } from "./sandbox-state";
import type { Stage } from "./stop-request";

/** Clears up after earlier runs and lets the host through the gates. @returns options for Pulumi */
export async function makeReady(project: Project, { pulumi, environment }: Prepared, stage: Stage): Promise<string[]> {
  const { stack } = project;
  await pulumi.releaseAbandonedLock((line) => console.error(line));
  const state = await pulumi.state();
  await forgetHalfMade(pulumi, state, project, environment);
  stage.doing = "looking at the host";
  const sandbox = await wakeSandbox(project, environment);
  const { exists, unfinished, repair, held } =
    sandbox === "missing" ? NO_HOST : await lookAtHost(project).catch((error: unknown) => movedAway(project, error));
  const facts = exists && unfinished ? await admitHost(project) : undefined;
  const known = new Set(state.deployment.resources?.map(({ urn }) => urn));
  const settled = await settleDeliveries(project, { held, known, facts });
  if (unfinished) await admitArtifacts(settled.project, repair, held, settled.deliveries);
  const replace = exists
    ? phaseUrns(PULUMI_PROJECT, stack, settled.project.plan, repair, held, settled.deliveries)
    : [];
  return [
    // A container that was removed behind Pulumi's back is still in its state.
    ...(sandbox === "missing" ? ["--refresh"] : []),
    ...remeasure(stack, recordedRefusal(project, recordedFacts(state))),
    // Pulumi refuses to replace what it does not have; that is made anyway.
    ...replace.filter((urn) => known.has(urn)).flatMap((urn) => ["--replace", urn]),
  ];
}
