import type { Plan } from "./plan";
import type { PhaseName } from "./step";

/** Names of the resources that put the given phases on the host, so that `up --replace` runs them again. */
export function phaseUrns(project: string, stack: string, plan: Plan, phases: readonly PhaseName[]): string[] {
  const urn = (type: string, name: string) =>
    `urn:pulumi:${stack}::${project}::tms-llm:host:Phase$command:remote:${type}::${name}`;
  return phases.flatMap((phase) => {
    const artifacts = plan.steps.filter((step) => step.phase === phase).flatMap((step) => step.artifacts);
    const copies = artifacts
      .filter(({ source }) => source.kind === "local")
      .map(({ name, sha256 }) => urn("CopyToRemote", `${name}-${sha256.slice(0, 12)}`));
    return [...copies, urn("Command", `phase-${phase}`)];
  });
}

/** Name of the resource that measures the host, so that `up --replace` measures it anew. */
export const preflightUrn = (project: string, stack: string) =>
  `urn:pulumi:${stack}::${project}::tms-llm:host:Host$command:remote:Command::host-preflight`;
