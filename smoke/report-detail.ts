import type { CheckResult } from "./report-json";

/** The JSON report holds all of it. */
const EVIDENCE_CHARACTERS = 600;

/** What was demanded, what was seen, and the beginning of the evidence: what a reader of a red check wants to know. */
export function detailLines({ target, observed, evidence }: CheckResult): string[] {
  const lines = [`demanded: ${target}`, `observed: ${observed}`];
  return evidence ? [...lines, `evidence: ${JSON.stringify(evidence).slice(0, EVIDENCE_CHARACTERS)}`] : lines;
}

/** Whether a check has something of its own to tell; what is blocked has not. */
export const needsDetail = ({ verdict }: CheckResult): boolean => verdict !== "pass" && verdict !== "blocked";

/** "Smoke test: pass (11 checks, 3.0 s)" without the beginning. */
export function extent(checks: readonly CheckResult[], excluded: readonly string[], milliseconds: number): string {
  const left = excluded.length > 0 ? `, left out: ${excluded.join(", ")}` : "";
  return `${checks.length} checks${left}, ${(milliseconds / 1000).toFixed(1)} s`;
}
