import type { CheckResult, SmokeReport, Verdict } from "./report-json";

export type Overall = SmokeReport["verdict"];

/** The whole is as good as its worst part; what could not be measured is never a pass, nor is a run without checks. */
export function overall(results: readonly Pick<CheckResult, "verdict">[]): Overall {
  const has = (verdict: Verdict) => results.some((result) => result.verdict === verdict);
  if (results.length === 0) return "error";
  if (has("fail")) return "fail";
  if (has("error")) return "error";
  if (has("inconclusive") || has("blocked")) return "inconclusive";
  return "pass";
}

const EXIT_CODES: Readonly<Record<Overall, number>> = { pass: 0, fail: 1, inconclusive: 2, error: 3 };

export const exitCode = (verdict: Overall): number => EXIT_CODES[verdict];
