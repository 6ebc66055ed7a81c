import { expect, test } from "vitest";
import type { Verdict } from "../../../smoke/report-json";
import { exitCode, overall } from "../../../smoke/verdict";

test.each<{ checks: Verdict[]; whole: string; code: number }>([
  { checks: ["pass", "pass"], whole: "pass", code: 0 },
  { checks: ["pass", "fail"], whole: "fail", code: 1 },
  { checks: ["fail", "blocked"], whole: "fail", code: 1 },
  { checks: ["error", "fail", "inconclusive"], whole: "fail", code: 1 },
  { checks: ["pass", "inconclusive"], whole: "inconclusive", code: 2 },
  { checks: ["pass", "blocked"], whole: "inconclusive", code: 2 },
  { checks: ["pass", "error"], whole: "error", code: 3 },
  { checks: ["inconclusive", "error", "blocked"], whole: "error", code: 3 },
  { checks: [], whole: "error", code: 3 },
])("$checks make $whole, exit code $code", ({ checks, whole, code }) => {
  const verdict = overall(checks.map((check) => ({ verdict: check })));
  expect(verdict).toBe(whole);
  expect(exitCode(verdict)).toBe(code);
});
