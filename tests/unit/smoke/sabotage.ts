import { describe, expect, test } from "vitest";
import type { CheckResult, SmokeReport } from "../../../smoke/report-json";
import { runSmoke } from "../../../smoke/run";
import type { SmokeTarget } from "../../../smoke/target";
import { target, type Behaviour } from "./endpoint";

/** One thing turned round, and what the gate set must say of it. */
export interface Sabotage {
  readonly title: string;
  readonly behaviour: Behaviour;
  readonly changes?: Partial<SmokeTarget>;
  readonly check: string;
  readonly observed: RegExp;
  readonly verdict?: "inconclusive";
}

export const result = ({ checks }: SmokeReport, id: string): CheckResult => checks.find((check) => check.id === id)!;

/** Each sabotage is told by its check; the others pass or are blocked by it by name. */
export function eachIsTold(sabotages: readonly Sabotage[]): void {
  describe("a deployment where", () => {
    test.each(sabotages)("$title: $check tells", async ({ behaviour, changes, check, observed, verdict = "fail" }) => {
      const report = await runSmoke(await target(behaviour, changes));
      expect(result(report, check)).toMatchObject({ verdict, observed: expect.stringMatching(observed) as string });
      expect(report.verdict).toBe(verdict);
      const others = report.checks.filter(({ id }) => id !== check);
      expect(others.filter((other) => other.verdict !== "pass" && other.blockedBy !== check)).toEqual([]);
    });
  });
}
