import { describe, expect, test } from "vitest";
import { added, judge } from "../../../../bench/ttft/figures";
import { makeReport, renderReport } from "../../../../bench/ttft/report";
import { NAMES, type SideName } from "../../../../bench/ttft/sides";

const ROUNDS = 400;
/** An engine whose times vary by 4 ms, and now and then by 20. */
const engine = Array.from({ length: ROUNDS }, (_, round) => 5 + ((round * 37) % 41) / 10 + (round % 50 === 0 ? 20 : 0));

describe("what is added", () => {
  test("is what was put there, however much the engine varies", () => {
    const later = engine.map((time) => time + 0.5);
    for (const share of [0.5, 0.95]) expect(added(later, engine, share, 1).value).toBeCloseTo(0.5, 6);
  });

  test("shows at p95 alone when one request in ten is late", () => {
    const later = engine.map((time, round) => time + (round % 10 === 3 ? 8 : 0));
    expect(added(later, engine, 0.5, 1).value).toBeLessThan(0.6);
    expect(added(later, engine, 0.95, 1).value).toBeGreaterThan(3);
  });

  test("lies between its bounds, which come closer with more rounds", () => {
    const width = (rounds: number) => {
      const noisy = engine.slice(0, rounds).map((time, round) => time + ((round * 29) % 17) / 10);
      const { value, low, high } = added(noisy, engine.slice(0, rounds), 0.5, 1);
      expect(low).toBeLessThanOrEqual(value);
      expect(high).toBeGreaterThanOrEqual(value);
      return high - low;
    };
    expect(width(ROUNDS)).toBeLessThan(width(50));
  });

  test("is nothing that can be told from unequal rounds", () => {
    expect(() => added([1, 2], [1], 0.5, 1)).toThrow("2 rounds can't be compared with 1");
  });
});

test("an aim is met or missed only where both bounds say so", () => {
  expect(judge({ value: 0.5, low: 0.4, high: 0.9 }, 1)).toBe("met");
  expect(judge({ value: 1.5, low: 1.1, high: 1.9 }, 1)).toBe("missed");
  expect(judge({ value: 0.9, low: 0.4, high: 1.4 }, 1)).toBe("cannot tell");
});

test("the report names every side, and what the gateway adds is judged", () => {
  const slower: Partial<Record<SideName, number>> = { ours: 0.4, default: 3, defaultTls: 3.2, unbufferedTls: 0.3 };
  const samples = Object.fromEntries(
    (Object.keys(NAMES) as SideName[]).map((side) => [side, engine.map((time) => time + (slower[side] ?? 0))]),
  ) as Record<SideName, number[]>;
  const report = makeReport({ began: new Date(0), seed: 1, model: "tiny", load: 0, samples });
  expect(report.aims.map(({ quantile, judgement }) => `${quantile}: ${judgement}`)).toEqual(["p50: met", "p95: met"]);
  const text = renderReport(report);
  for (const name of Object.values(NAMES)) expect(text).toContain(name);
  expect(text).toContain("Aim p50 ≤ +1 ms: met, p95 ≤ +3 ms: met.");
});
