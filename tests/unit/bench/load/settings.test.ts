import { expect, test } from "vitest";
import { benchSettings } from "../../../../bench/load/settings";
import { stackSchema } from "../../../../plan/config/schema";

const CONFIG = stackSchema.parse({
  target: { kind: "sandbox" },
  models: ["tiny", "large"].map((name) => ({ name, source: "builtin:tiny", context: 2048 })),
});

test("without options every model is asked by 1, 5 and 10 clients", () => {
  expect(benchSettings(CONFIG, "dev", {})).toEqual({
    models: ["tiny", "large"],
    loads: [1, 5, 10].map((concurrency) => ({ kind: "closed", concurrency })),
    ...{ requests: 60, tokens: 128, coldStart: false, seed: 1 },
  });
});

test("rates make open loops, with closed ones beside them only if asked for", () => {
  expect(benchSettings(CONFIG, "dev", { rate: "2,4.5" }).loads).toEqual([
    { kind: "open", perSecond: 2, arrivals: "poisson" },
    { kind: "open", perSecond: 4.5, arrivals: "poisson" },
  ]);
  expect(benchSettings(CONFIG, "dev", { rate: "2", arrivals: "fixed", concurrency: "3" }).loads).toEqual([
    { kind: "closed", concurrency: 3 },
    { kind: "open", perSecond: 2, arrivals: "fixed" },
  ]);
});

test("every fault is told at once", () => {
  const options = {
    concurrency: "0,x",
    rate: "20",
    arrivals: "burst",
    requests: "0",
    tokens: "-1",
    seed: "a",
    model: ["lrage"],
  };
  expect(() => benchSettings(CONFIG, "dev", options)).toThrowErrorMatchingInlineSnapshot(`
    [Error: --arrivals burst: allowed are fixed and poisson
    --rate 20: allowed is above 0 and, for gateway.rateLimit refuses more than 600 a minute, at most 9.0
    --concurrency 0: allowed is a whole number from 1 to 256
    --concurrency x: allowed is a whole number from 1 to 256
    --model lrage: the stack has tiny, large
    --requests 0: allowed is a whole number from 1 to 10000
    --tokens -1: allowed is a whole number from 1 to 8192
    --seed a: allowed is a whole number from 0 to 2147483648]
  `);
});
