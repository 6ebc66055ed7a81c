import type { Client } from "./client";
import type { SmokeTarget } from "./target";

/** `error`: the check itself could not run. `inconclusive`: it ran and could not tell. Neither is a pass. */
export type Verdict = "pass" | "fail" | "inconclusive" | "error" | "blocked";

/** What one check found. `observed` is for people, `evidence` for whoever has to find out why; neither holds a key. */
export interface Finding {
  readonly verdict: Exclude<Verdict, "blocked">;
  readonly observed: string;
  readonly evidence?: Readonly<Record<string, unknown>>;
}

export interface CheckContext {
  readonly target: SmokeTarget;
  readonly client: Client;
}

export interface Check {
  readonly id: string;
  readonly title: string;
  /** What is demanded, in words. */
  demand(target: SmokeTarget): string;
  /** Check without which this one can say nothing. */
  readonly needs?: string;
  /** Timing is measured alone; everything else may run side by side. */
  readonly alone?: boolean;
  run(context: CheckContext): Promise<Finding>;
}

export interface CheckResult {
  readonly id: string;
  readonly title: string;
  readonly target: string;
  readonly observed: string;
  readonly verdict: Verdict;
  /** Id of the check that keeps this one from saying anything. */
  readonly blockedBy?: string;
  readonly evidence?: Readonly<Record<string, unknown>>;
  readonly milliseconds: number;
}

export const pass = (observed: string, evidence?: Readonly<Record<string, unknown>>): Finding =>
  finding("pass", observed, evidence);
export const fail = (observed: string, evidence?: Readonly<Record<string, unknown>>): Finding =>
  finding("fail", observed, evidence);
export const inconclusive = (observed: string, evidence?: Readonly<Record<string, unknown>>): Finding =>
  finding("inconclusive", observed, evidence);

function finding(verdict: Finding["verdict"], observed: string, evidence?: Readonly<Record<string, unknown>>): Finding {
  return { verdict, observed, ...(evidence ? { evidence } : {}) };
}

/** A list of faults as one finding: none is a pass. */
export function judge(faults: readonly string[], good: string, evidence?: Readonly<Record<string, unknown>>): Finding {
  return faults.length === 0 ? pass(good, evidence) : fail(faults.join("; "), evidence);
}

export const milliseconds = (value: number) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
