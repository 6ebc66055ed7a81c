import { type Deliveries, sentFile } from "./deliveries";
import type { Plan } from "./plan";
import type { PhaseName, PlannedArtifact } from "./step";

const urnIn = (project: string, stack: string, type: string, name: string) =>
  `urn:pulumi:${stack}::${project}::tms-llm:host:Phase$command:remote:${type}::${name}`;

/** Name of the resource that sends an artifact. */
export const copyName = ({ name, sha256 }: PlannedArtifact) => `${name}-${sha256.slice(0, 12)}`;

/** URN of the resource that sends an artifact. */
export const copyUrn = (project: string, stack: string, artifact: PlannedArtifact) =>
  urnIn(project, stack, "CopyToRemote", copyName(artifact));

/**
 * Names of the resources that put the given phases on the host, so that `up --replace` runs them again.
 * @param held SHA-256 of what the host has unpacked already, and nobody has to send again
 */
export function phaseUrns(
  project: string,
  stack: string,
  plan: Plan,
  phases: readonly PhaseName[],
  held: readonly string[],
  deliveries: Deliveries,
): string[] {
  return phases.flatMap((phase) => {
    const artifacts = plan.steps.filter((step) => step.phase === phase).flatMap((step) => step.artifacts);
    const copies = artifacts
      .filter((artifact) => sentFile(artifact, deliveries) !== undefined && !held.includes(artifact.sha256))
      .map((artifact) => copyUrn(project, stack, artifact));
    return [...copies, urnIn(project, stack, "Command", `phase-${phase}`)];
  });
}

/** Name of the resource that measures the host, so that `up --replace` measures it anew. */
export const preflightUrn = (project: string, stack: string) =>
  `urn:pulumi:${stack}::${project}::tms-llm:host:Host$command:remote:Command::host-preflight`;
