import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { judgePreflight, refusalText } from "../plan/preflight";
import { type Deliveries, sentFile } from "../plan/deliveries";
import { type Facts, parseFacts } from "../plan/facts";
import type { PhaseName, PlannedArtifact } from "../plan/step";
import { preflightUrn } from "../plan/urns";
import { sha256OfFile } from "../toolchain/download";
import { CommandFailure, UsageError } from "./failure";
import { measureFacts } from "./facts";
import { PROJECT, PULUMI_PROJECT, type Project } from "./project";

/** The gates before a host is changed. The program that Pulumi runs has them too; here they cost no deployment. */

/**
 * Measures the host and refuses it with every reason at once.
 * @returns what was measured
 * @throws CommandFailure
 */
export async function admitHost(project: Project): Promise<Facts> {
  const facts = await measureFacts(project, project.plan.requirements.wayOut);
  const { refusals } = judgePreflight(facts, project.plan.requirements);
  if (refusals.length > 0)
    throw new CommandFailure(`${refusalText(refusals)}\n\nAfter that: npm run up -- ${project.stack}`, undefined);
  return facts;
}

/** Why the host would be refused by the facts of an earlier run, which Pulumi keeps; undefined where it would not, or has none. */
export function recordedRefusal({ plan }: Project, recorded: string | undefined): string | undefined {
  if (recorded === undefined) return undefined;
  try {
    const { refusals } = judgePreflight(parseFacts(recorded), plan.requirements);
    return refusals.length === 0 ? undefined : refusalText(refusals);
  } catch {
    return "What was measured is from another version of this project.";
  }
}

/** Options for Pulumi that have the host measured anew where {@link recordedRefusal} says so: it may have changed since. */
export const remeasure = (stack: string, refusal: string | undefined): string[] =>
  refusal === undefined ? [] : ["--replace", preflightUrn(PULUMI_PROJECT, stack)];

/**
 * Sees that what these phases deliver from this machine is what the plan says.
 * @param held SHA-256 of what the host has, and is not sent
 * @throws UsageError naming every file that is not
 */
export async function admitArtifacts(
  { plan, stack }: Project,
  phases: readonly PhaseName[],
  held: readonly string[],
  deliveries: Deliveries,
): Promise<void> {
  const artifacts = plan.steps
    .filter(({ phase }) => phases.includes(phase))
    .flatMap((step) => step.artifacts)
    .filter(({ sha256 }) => !held.includes(sha256));
  const faults = (
    await Promise.all(artifacts.map((artifact) => artifactFault(artifact, sentFile(artifact, deliveries))))
  ).filter((fault) => fault !== undefined);
  if (faults.length === 0) return;
  throw new UsageError(
    `${faults.join("\n\n")}\n\nNothing was changed on the host.`,
    `correct the file or the stack file (\`sha256sum FILE\` prints a checksum); what this project made itself, delete: it is made anew; then npm run up -- ${stack} again`,
  );
}

async function artifactFault({ name, sha256 }: PlannedArtifact, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  const file = resolve(PROJECT, path);
  if (!existsSync(file)) return `There is no ${name} at ${path}.\n  needed: a file with SHA-256 ${sha256}`;
  const found = await sha256OfFile(file);
  return found === sha256
    ? undefined
    : `${path} is not the file that it should be (${name}).\n  found:  SHA-256 ${found}\n  needed: SHA-256 ${sha256}`;
}
