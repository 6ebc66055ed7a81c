import { describe, expect, test } from "vitest";
import { figures } from "../../../../bench/load/figures";
import { interTokenLatency, type Sample, type Success } from "../../../../bench/load/samples";

const OBJECTIVES = { ttft: 1, total: 10 };
const good = (changes: Partial<Sample> = {}): Sample => ({
  ...{ due: 0, late: 0, firstToken: 100, lastToken: 400, end: 405, tokens: 4 },
  ...changes,
});

describe("figures", () => {
  test("count what failed in the denominator, by its fault", () => {
    const failed: Sample = { due: 0, late: 0, end: 5, fault: "status 429" };
    const silent: Sample = { due: 0, late: 0, end: 405, tokens: 0 };
    const found = figures([good(), good(), failed, silent], 2000, OBJECTIVES);
    expect(found).toMatchObject({
      ...{ requests: 4, succeeded: 2, good: 0.5 },
      faults: { "status 429": 1, "no token came": 1 },
    });
  });

  test("take tokens and answers per second over the whole stage, failures and pauses included", () => {
    const found = figures([good(), good()], 4000, OBJECTIVES);
    expect(found).toMatchObject({ requestsPerSecond: 0.5, tokensPerSecond: 2, seconds: 4 });
  });

  test("call good what kept the objectives", () => {
    const late = good({ firstToken: 1001, lastToken: 1300, end: 1305 });
    const long = good({ lastToken: 10_000, end: 10_001 });
    expect(figures([good(), late, long], 1000, OBJECTIVES).good).toBeCloseTo(1 / 3);
  });

  test("of a stage in which nothing succeeded have no times, rather than times of nought", () => {
    const found = figures([{ due: 0, late: 0, end: 1, fault: "no answer" }], 1000, OBJECTIVES);
    expect(found).toMatchObject({ ttft: null, itl: null, latency: null, good: 0, tokensPerSecond: 0 });
  });

  test("say how many requests were not sent when they were due", () => {
    const found = figures([good(), good({ late: 10 }), good({ late: 11 }), good({ late: 250 })], 1000, OBJECTIVES);
    expect(found.sentLate).toEqual({ requests: 2, longest: 250 });
  });
});

describe("inter-token latency", () => {
  test("leaves the wait for the first token out", () => {
    expect(interTokenLatency(good() as Success)).toEqual([100]);
  });

  test("of a single token is none, not nought", () => {
    expect(interTokenLatency(good({ tokens: 1 }) as Success)).toEqual([]);
  });
});
