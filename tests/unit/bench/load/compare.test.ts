import { describe, expect, test } from "vitest";
import { compareRuns } from "../../../../bench/load/compare";
import { hostLoad } from "../../../../bench/load/host-load";
import { renderComparison, renderReport } from "../../../../bench/load/report";
import type { Sample } from "../../../../bench/load/samples";
import { run, samples, stage } from "./runs";

describe("two runs", () => {
  test("of the same speed can't be told apart", () => {
    const found = compareRuns(run(stage(samples(200, 100, 1))), run(stage(samples(200, 100, 2))), 1);
    expect(found.filter(({ judgement }) => judgement !== "cannot tell")).toEqual([]);
    expect(found).toHaveLength(6);
  });

  test("of which one is a fifth slower to its first token differ in that alone", () => {
    const found = compareRuns(run(stage(samples(200, 120, 1))), run(stage(samples(200, 100, 2))), 1);
    const [median] = found;
    expect(median).toMatchObject({ measure: "ttft", share: 0.5, judgement: "slower" });
    expect(median!.ratio.value).toBeCloseTo(1.2, 1);
    expect(median!.ratio.low).toBeGreaterThan(1.15);
    expect(found.filter(({ measure, judgement }) => measure === "itl" && judgement !== "cannot tell")).toEqual([]);
  });

  test("of which one lost its slow requests can't be told apart, however quick the others were", () => {
    const lost: Sample = { due: 0, late: 0, end: 30_000, fault: "not finished within 30 s" };
    const quick = [...samples(100, 20, 1), ...Array.from({ length: 100 }, () => lost)];
    const found = compareRuns(run(stage(quick)), run(stage(samples(200, 100, 2))), 1);
    expect(found[0]!.ratio.value).toBeLessThan(0.5);
    expect(found.filter(({ judgement }) => judgement !== "cannot tell")).toEqual([]);
  });

  test("are compared stage by stage, and only with enough answers", () => {
    const other = run(
      stage(samples(200, 100, 1), { load: { kind: "closed", concurrency: 5 } }),
      stage(samples(19, 100, 1)),
    );
    const found = compareRuns(run(stage(samples(200, 100, 1))), other, 1);
    expect(found).toEqual([]);
    expect(renderComparison(found, "before.json")).toMatch(/^Nothing to compare with before\.json/);
  });
});

test("a report tells what a reader must know to take its figures for what they are", () => {
  const refused: Sample = { due: 0, late: 0, end: 3, fault: "status 429" };
  const late = samples(40, 50, 1).map((sample, index) => (index < 3 ? { ...sample, late: 20 + index } : sample));
  const lines = [0, 1, 2].flatMap((second) => [
    { at: second * 1000, text: `cpu ${second * 50} ${second * 150}` },
    { at: second * 1000, text: `memory ${4 * 2 ** 30}` },
    { at: second * 1000, text: `gpu 0 ${80 + second} 20480` },
  ]);
  const text = renderReport({
    ...run(
      stage([...samples(40, 50, 1), refused], { heldBack: 4200 }),
      stage(late, { load: { kind: "open", perSecond: 2, arrivals: "poisson" }, host: hostLoad(lines) }),
      stage([refused], { model: "large" }),
    ),
    coldStarts: [{ model: "tiny", ready: 812, firstToken: 1204, modelLoad: 380 }],
  });
  expect(text).toMatchInlineSnapshot(`
    "from here: tms-llm 0.1.0, Node v24, linux x64, kernel 6.1.0, 2 × EPYC, 8.0 GiB, load 0.5
    the host: Debian GNU/Linux 12 (bookworm), kernel 6.1.0, 16 × EPYC, 128.0 GiB, NVIDIA L4, 23034 MiB, 550.54.14, nginx 1.22.1, engine 0.17.4, tiny:latest 92ac7a1ba12f
    Cold start of tiny: engine ready after 812 ms, first token after 1204 ms, of which the model's loading 380 ms.
    ┌───────┬─────────────┬───────────┬────────┬────────────────┬─────────┬───────────┬──────────┬───────────┬────────┬──────────────────┐
    │ model │ load        │ succeeded │ good   │ TTFT p50 / p95 │ ITL     │ whole     │ tokens/s │ answers/s │ CPU    │ GPU              │
    ├───────┼─────────────┼───────────┼────────┼────────────────┼─────────┼───────────┼──────────┼───────────┼────────┼──────────────────┤
    │ tiny  │ 1 at once   │ 40 of 41  │ 97.6 % │ 50 / 55        │ 11 / 12 │ 151 / 163 │ 40.0     │ 4.00      │ –      │ –                │
    ├───────┼─────────────┼───────────┼────────┼────────────────┼─────────┼───────────┼──────────┼───────────┼────────┼──────────────────┤
    │ tiny  │ 2/s poisson │ 40 of 40  │ 100 %  │ 50 / 55        │ 11 / 12 │ 151 / 163 │ 40.0     │ 4.00      │ 25.0 % │ 81.0 %, 20.0 GiB │
    ├───────┼─────────────┼───────────┼────────┼────────────────┼─────────┼───────────┼──────────┼───────────┼────────┼──────────────────┤
    │ large │ 1 at once   │ 0 of 1    │ 0.0 %  │ –              │ –       │ –         │ 0.0      │ 0.00      │ –      │ –                │
    └───────┴─────────────┴───────────┴────────┴────────────────┴─────────┴───────────┴──────────┴───────────┴────────┴──────────────────┘
    Times in milliseconds. Good: succeeded and within the objectives, of all requests.
    tiny, 1 at once: 1 failed: status 429
    tiny, 1 at once: the gateway's rate limit held the clients back, 4.2 s all together; answers/s is not the engine's own.
    tiny, 2/s poisson: 3 of 40 were sent more than 10 ms after they were due, 22 ms at worst; that is part of their times.
    large, 1 at once: 1 failed: status 429
    Seed 1."
  `);
});
