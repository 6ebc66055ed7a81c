import { z } from "zod";
import type { Plan } from "./plan";
import type { PhaseName } from "./step";

/** Judges what a host's own checks say against the plan. Pure; the lines come from `templates/lib/drift.sh`. */

const header = z.strictObject({ owner: z.string().nullable(), digest: z.string().nullable() });
const phaseLine = z.strictObject({ phase: z.string(), digest: z.string().nullable() });
const heldLine = z.strictObject({ held: z.string() });
const runningLine = z.strictObject({ running: z.string() });
const differenceLine = z.object({
  phase: z.string(),
  step: z.string(),
  what: z.string(),
  expected: z.string(),
  found: z.string(),
  /** How a person mends what a deployment leaves alone; absent where the next `up` mends it. */
  repair: z.string().optional(),
});

const hintLine = z.strictObject({
  phase: z.string(),
  step: z.string(),
  hint: z.string(),
  found: z.string(),
  wayOut: z.string(),
});

/** Something worth knowing that is no drift: the host is as it was deployed. */
export type Hint = z.output<typeof hintLine>;

export type Difference = z.output<typeof differenceLine>;

/**
 * - `other plan`: the host is as it was deployed, but stack file or checkout have changed since.
 * - `drifted`: something on the host was changed since it was deployed.
 */
export type DriftState = "not deployed" | "as deployed" | "other plan" | "drifted";

export interface DriftReport {
  readonly schema: "tms-llm/drift/v1";
  readonly state: DriftState;
  readonly differences: readonly Difference[];
  /** Phases whose next `up` must run again although their inputs may be unchanged. */
  readonly repair: readonly PhaseName[];
  /** SHA-256 of the archives that the host has unpacked and keeps. */
  readonly held: readonly string[];
  /** E.g. a security update of a driver that is held at its version. */
  readonly hints: readonly Hint[];
}

interface HostState {
  readonly held: readonly string[];
  readonly phases: ReadonlyMap<string, string | null>;
  readonly differences: readonly Difference[];
  readonly hints: readonly Hint[];
}

/** Reads the host's lines; undefined where nothing of ours is on the host. */
export function parseDriftLines(text: string): HostState | undefined {
  const phases = new Map<string, string | null>();
  const differences: Difference[] = [];
  const held: string[] = [];
  const hints: Hint[] = [];
  let deployed = false;
  for (const line of text.split("\n").filter((candidate) => candidate.startsWith("{"))) {
    const value: unknown = JSON.parse(line);
    const difference = differenceLine.safeParse(value);
    const phase = phaseLine.safeParse(value);
    const archive = heldLine.safeParse(value);
    const hint = hintLine.safeParse(value);
    if (difference.success) differences.push(difference.data);
    else if (phase.success) phases.set(phase.data.phase, phase.data.digest);
    else if (archive.success) held.push(archive.data.held);
    else if (hint.success) hints.push(hint.data);
    else if (header.safeParse(value).success) deployed = true;
  }
  return deployed ? { phases, differences, held, hints } : undefined;
}

/** The phase that is at work on the host at this moment, in words, e.g. `phase engine`; undefined for none. */
export function phaseAtWork(text: string): string | undefined {
  const first = text.split("\n").find((line) => line.startsWith("{")) ?? "{}";
  const running = runningLine.safeParse(JSON.parse(first));
  return running.success ? running.data.running.replace(/^tms-llm /, "") : undefined;
}

/** Compares the host with the plan: each phase's digest, and what each step's check found. */
export function judgeDrift(lines: string, plan: Plan): DriftReport {
  const host = parseDriftLines(lines);
  if (!host)
    return { schema: "tms-llm/drift/v1", state: "not deployed", differences: [], repair: [], held: [], hints: [] };
  const unfinished = plan.payloads.flatMap(({ phase, digest }) =>
    unfinishedPhase(phase, digest, host.phases.get(phase)),
  );
  const differences = [...unfinished, ...host.differences];
  const touched = new Set(differences.filter(({ repair }) => repair === undefined).map(({ phase }) => phase));
  return {
    schema: "tms-llm/drift/v1",
    state: stateOf(differences),
    differences,
    repair: plan.payloads.map(({ phase }) => phase).filter((phase) => touched.has(phase)),
    held: host.held,
    hints: host.hints,
  };
}

const OTHER_PLAN = "another plan";

function unfinishedPhase(phase: PhaseName, digest: string, found: string | null | undefined): Difference[] {
  if (found === digest) return [];
  const words =
    found === undefined ? "never run" : found === null ? "interrupted" : `${OTHER_PLAN} (${found.slice(0, 12)})`;
  return [{ phase, step: "-", what: `phase ${phase}`, expected: `finished (${digest.slice(0, 12)})`, found: words }];
}

function stateOf(differences: readonly Difference[]): DriftState {
  if (differences.length === 0) return "as deployed";
  return differences.every(({ step, found }) => step === "-" && found.startsWith(OTHER_PLAN))
    ? "other plan"
    : "drifted";
}
