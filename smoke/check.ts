import type { Client } from "./client";
import { NoAnswer } from "./no-answer";
import type { CheckResult, Evidence, Verdict } from "./report-json";
import type { SmokeTarget } from "./target";

/** What one check found. `observed` is for people, `evidence` for whoever has to find out why. */
export interface Finding {
  readonly verdict: Exclude<Verdict, "blocked">;
  readonly observed: string;
  readonly evidence?: Evidence;
}

export interface CheckContext {
  readonly target: SmokeTarget;
  readonly client: Client;
  /** Name of the model that is asked. */
  readonly model: string;
}

export interface Check {
  readonly id: string;
  readonly title: string;
  /** What is demanded, in words. */
  demand(target: SmokeTarget): string;
  /** Whether there is anything to check; default: always. */
  readonly applies?: (target: SmokeTarget) => boolean;
  /** Check without which this one can say nothing. */
  readonly needs?: string;
  /** Timing is measured alone; everything else may run side by side. */
  readonly alone?: boolean;
  /** It disturbs whatever comes after it. */
  readonly last?: boolean;
  run(context: CheckContext): Promise<Finding>;
}

/** Runs one check; `blocker` is the result of the check that it needs. Never throws. */
export async function runCheck(
  check: Check,
  context: CheckContext,
  blocker: CheckResult | undefined,
): Promise<CheckResult> {
  const { id, title } = check;
  const target = check.demand(context.target);
  if (blocker && blocker.verdict !== "pass") {
    const blockedBy = blocker.blockedBy ?? blocker.id;
    return { id, title, target, observed: `blocked by ${blockedBy}`, verdict: "blocked", blockedBy, milliseconds: 0 };
  }
  const began = performance.now();
  const finding = await check.run(context).catch((error: unknown): Finding => ({
    verdict: error instanceof NoAnswer ? "fail" : "error",
    observed: error instanceof Error ? error.message : String(error),
  }));
  return { id, title, target, ...finding, milliseconds: performance.now() - began };
}

export const pass = (observed: string, evidence?: Evidence): Finding => finding("pass", observed, evidence);
export const fail = (observed: string, evidence?: Evidence): Finding => finding("fail", observed, evidence);
/** It ran and could not tell; it never counts as a pass. */
export const inconclusive = (observed: string, evidence?: Evidence): Finding =>
  finding("inconclusive", observed, evidence);

function finding(verdict: Finding["verdict"], observed: string, evidence: Evidence | undefined): Finding {
  return { verdict, observed, ...(evidence ? { evidence } : {}) };
}

/** A list of faults as one finding: none is a pass. */
export function judge(faults: readonly string[], good: string, evidence?: Evidence): Finding {
  return faults.length === 0 ? pass(good, evidence) : fail(faults.join("; "), evidence);
}

export const milliseconds = (value: number) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
