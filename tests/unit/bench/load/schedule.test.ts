import { describe, expect, test } from "vitest";
import { Allowance, arrivalTimes, loadName } from "../../../../bench/load/schedule";
import { generator } from "../../../../bench/statistics";

describe("arrivals", () => {
  test("at a fixed rate are evenly spaced, the first at once", () => {
    expect(arrivalTimes("fixed", 4, 4, generator(1))).toEqual([0, 250, 500, 750]);
  });

  test("of a Poisson process have the rate in the mean, and gaps of every length", () => {
    const times = arrivalTimes("poisson", 10, 10_000, generator(7));
    expect(times.at(-1)! / 1000).toBeGreaterThan(970);
    expect(times.at(-1)! / 1000).toBeLessThan(1030);
    const gaps = times.map((time, index) => time - (times[index - 1] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThan(0);
    // Of exponential gaps, e⁻¹ are longer than the mean.
    expect(gaps.filter((gap) => gap > 100).length / gaps.length).toBeCloseTo(Math.exp(-1), 1);
  });

  test("are the same for the same seed", () => {
    expect(arrivalTimes("poisson", 1, 5, generator(3))).toEqual(arrivalTimes("poisson", 1, 5, generator(3)));
    expect(arrivalTimes("poisson", 1, 5, generator(3))).not.toEqual(arrivalTimes("poisson", 1, 5, generator(4)));
  });
});

describe("the gateway's rate limit", () => {
  // 10 a second, of which the benchmark takes 9; half of the burst.
  const limit = { requestsPerMinute: 600, burst: 4 };
  const interval = 1000 / 9;

  test("lets a burst through at once, then one request an interval", () => {
    const allowance = new Allowance(limit);
    const waits = Array.from({ length: 6 }, () => allowance.take(0));
    expect(waits.slice(0, 3)).toEqual([0, 0, 0]);
    waits.slice(3).forEach((wait, index) => expect(wait).toBeCloseTo((index + 1) * interval, 6));
  });

  test("lets more through after a pause, but never more than the burst", () => {
    const allowance = new Allowance(limit);
    for (let request = 0; request < 3; request += 1) allowance.take(0);
    const waits = Array.from({ length: 4 }, () => allowance.take(60_000));
    expect(waits.slice(0, 3)).toEqual([0, 0, 0]);
    expect(waits[3]).toBeCloseTo(interval, 6);
  });

  test("keeps what is sent, minute by minute, below what nginx lets in", () => {
    const allowance = new Allowance(limit);
    const sent: number[] = [];
    for (let now = 0; now < 60_000; now = Math.max(now + 1, sent.at(-1)!)) sent.push(now + allowance.take(now));
    // nginx: the excess grows by one a request and falls by the rate; above the burst it refuses.
    let excess = 0;
    let highest = 0;
    sent.forEach((at, index) => {
      excess =
        Math.max(0, excess - ((at - (sent[index - 1] ?? 0)) * limit.requestsPerMinute) / 60_000) + (index ? 1 : 0);
      highest = Math.max(highest, excess);
    });
    expect(sent.length).toBeGreaterThan(500);
    expect(highest).toBeLessThanOrEqual(limit.burst);
  });
});

test("a load is named as people say it", () => {
  expect(loadName({ kind: "closed", concurrency: 5 })).toBe("5 at once");
  expect(loadName({ kind: "open", perSecond: 2.5, arrivals: "poisson" })).toBe("2.5/s poisson");
});
