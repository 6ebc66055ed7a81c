import { describe, expect, test } from "vitest";
import { aiperfFigures, guidellmFigures, type ToolFigures } from "../../../../bench/agreement/figures";
import { paceOf, prompts } from "../../../../bench/agreement/pace";
import { agreements, type ServerRun, type Turn } from "../../../../bench/agreement/report";

describe("what a tool wrote, recorded from its own output and cut to what is read", () => {
  test("GuideLLM 0.8.1", () => {
    const distribution = (p50: number, p95: number) => ({ successful: { percentiles: { p50, p95, p99: 223.9 } } });
    const metrics = {
      request_totals: { successful: 118, errored: 1, incomplete: 1, total: 120 },
      time_to_first_token_ms: distribution(157.2, 220.3),
      inter_token_latency_ms: distribution(11.85, 15.33),
    };
    expect(guidellmFigures({ benchmarks: [{ type_: "generative_benchmark", metrics }] })).toMatchObject({
      ...{ requests: 120, failed: 2 },
      ...{ ttft: { p50: 157.2, p95: 220.3 }, itl: { p50: 11.85, p95: 15.33 } },
    });
  });

  test("AIPerf 0.13.0, which names errors only when there are some", () => {
    const written = {
      time_to_first_token: { unit: "ms", avg: 169, p50: 164.1, p95: 235.4 },
      inter_token_latency: { unit: "ms", avg: 11.9, p50: 12.15, p95: 17.17 },
      request_count: { unit: "requests", avg: 120 },
    };
    expect(aiperfFigures(written)).toMatchObject({
      requests: 120,
      failed: 0,
      ttft: { p50: 164.1 },
      itl: { p95: 17.17 },
    });
    const errors = { ...written, error_request_count: { unit: "requests", avg: 3 } };
    expect(aiperfFigures(errors)).toMatchObject({ requests: 123, failed: 3 });
  });

  test("that is in other units is refused, not compared", () => {
    expect(() => aiperfFigures({ time_to_first_token: { unit: "s", p50: 0.1, p95: 0.2 } })).toThrow();
  });
});

describe("the paced server's times", () => {
  test("are the same for the same prompt, and apart for others", () => {
    const paces = prompts(40).map(paceOf);
    expect(prompts(40).map(paceOf)).toEqual(paces);
    expect(new Set(paces.map(({ ttft }) => ttft)).size).toBe(40);
    for (const { ttft, itl } of paces) {
      expect(ttft).toBeGreaterThanOrEqual(80);
      expect(ttft).toBeLessThan(240);
      expect(itl).toBeGreaterThanOrEqual(8);
      expect(itl).toBeLessThan(16);
    }
  });
});

describe("agreement", () => {
  const figures = (ttft: number): ToolFigures => ({
    ...{ requests: 120, failed: 0 },
    ...{ ttft: { p50: ttft, p95: 200 }, itl: { p50: 10, p95: 15 } },
  });
  const turn = (tool: string, ttft: number): Turn => ({ tool, figures: figures(ttft), truth: figures(100) });
  const run = (...rounds: Turn[][]): ServerRun => ({
    ...{ server: "paced", concurrency: 4, requests: 120, warmUp: 8, tokens: 32, rounds },
  });

  test("is told round by round, whatever the order of the turns: a slow minute hits one round", () => {
    const found = agreements(
      run([turn("ours", 102), turn("other", 102)], [turn("other", 300), turn("ours", 303)]),
      "ours",
    );
    expect(found.find(({ measure, against }) => measure === "TTFT p50" && against === "ours / other")).toMatchObject({
      ratio: { minimum: 1, maximum: 1.01 },
      within: true,
    });
  });

  test("is missed by a tool that is a twentieth off, and against the truth too", () => {
    const found = agreements(run([turn("ours", 105), turn("other", 100)]), "ours");
    const missed = found.filter(({ within }) => !within).map(({ measure, against }) => `${measure} ${against}`);
    expect(missed).toEqual(["TTFT p50 ours / other", "TTFT p50 ours / truth"]);
  });
});
