import { expect, test } from "vitest";
import { demandEqual } from "../../../../bench/provision/compare";
import { pairedRatio, spread } from "../../../../bench/provision/figures";
import { makeReport, renderReport } from "../../../../bench/provision/report";

test("the median of an even number of rounds lies between the middle two", () => {
  expect(spread([4, 1, 3, 2])).toEqual({ median: 2.5, minimum: 1, maximum: 4 });
  expect(spread([3, 1, 2])).toEqual({ median: 2, minimum: 1, maximum: 3 });
});

test("a ratio is taken round by round: a slow minute of the machine hits both", () => {
  const ours = { contender: "tms-llm", task: "fresh", seconds: [4, 40] } as const;
  const peer = { contender: "pyinfra", task: "fresh", seconds: [5, 50] } as const;
  expect(pairedRatio(ours, peer)).toEqual({ median: 0.8, minimum: 0.8, maximum: 0.8 });
});

test("rounds that are missing on one side give no ratio", () => {
  const ours = { contender: "tms-llm", task: "fresh", seconds: [4] } as const;
  expect(() => pairedRatio(ours, { ...ours, contender: "pyinfra", seconds: [5, 6] })).toThrow("tms-llm has 1 rounds");
});

test("unequal end states give no figures; the message names the side that has the line", () => {
  const equal = { contender: "tms-llm", snapshot: ["package nginx 1", "unit nginx.service active running"] };
  expect(() => demandEqual([equal, { ...equal, contender: "pyinfra" }])).not.toThrow();
  const other = { contender: "pyinfra", snapshot: ["package nginx 1", "unit nginx.service inactive dead"] };
  expect(() => demandEqual([equal, other])).toThrowErrorMatchingInlineSnapshot(`
    [Error: the contenders left hosts that are not equal, so there are no figures:
      only tms-llm: unit nginx.service active running
      only pyinfra: unit nginx.service inactive dead]
  `);
});

test("the drift check is measured against a peer's second run, and the aim is for the first peer", () => {
  const series = [
    { contender: "tms-llm", task: "check", seconds: [1, 1] },
    { contender: "pyinfra", task: "no-op", seconds: [2, 4] },
    { contender: "ansible", task: "no-op", seconds: [5, 5] },
  ] as const;
  const report = makeReport(series, ["command 1.2.1 (official)"], 1000);
  expect(report.ratios).toEqual([
    { task: "check", against: "no-op", peer: "pyinfra", aim: 0.4, median: 0.375, minimum: 0.25, maximum: 0.5 },
    { task: "check", against: "no-op", peer: "ansible", median: 0.2, minimum: 0.2, maximum: 0.2 },
  ]);
  expect(renderReport(report)).toContain("0.38 (0.25–0.50)");
});
