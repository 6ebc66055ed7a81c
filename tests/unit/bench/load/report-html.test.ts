import { describe, expect, test } from "vitest";
import { compareRuns } from "../../../../bench/load/compare";
import { hostReadings } from "../../../../bench/load/host-load";
import type { BenchReport } from "../../../../bench/load/report";
import { plotsOf, renderHtml } from "../../../../bench/load/report-html";
import type { Sample } from "../../../../bench/load/samples";
import { CHROMIUM_MISSING, lookAt, type View } from "../../../harness/browser";
import { run, samples, stage } from "./runs";

const refused: Sample = { due: 50, late: 0, end: 3, fault: "status 429" };
const lines = [0, 1, 2, 3].flatMap((second) => [
  { at: second * 1000, text: `cpu ${second * 50} ${second * 150}` },
  { at: second * 1000, text: `memory ${4 * 2 ** 30}` },
  { at: second * 1000, text: `gpu 0 ${80 + second} 20480` },
]);
const report: BenchReport = {
  ...run(
    stage(samples(40, 50, 1), { began: 200 }),
    stage([...samples(40, 90, 2), refused], { began: 1500, load: { kind: "closed", concurrency: 5 } }),
    stage([refused], { model: "<b>large</b>" }),
  ),
  coldStarts: [{ model: "tiny", ready: 812, firstToken: 1204, modelLoad: 380 }],
  readings: hostReadings(lines),
};
const before = run(stage(samples(40, 100, 3)), stage(samples(40, 90, 4), { load: { kind: "closed", concurrency: 5 } }));
const page = renderHtml(report, { against: "before.json", comparisons: compareRuns(report, before, 1) });

describe("the page", () => {
  test("draws a model's times with a line for each load; a stage without an answer has none", () => {
    const plots = plotsOf(report);
    expect(plots.map(({ title, series }) => `${title}: ${series.map(({ label }) => label).join(", ")}`)).toEqual([
      "tiny: time to first token: 1 at once, 5 at once",
      "tiny: time between tokens: 1 at once, 5 at once",
      "tiny: time of a whole answer: 1 at once, 5 at once",
      "tiny, 1 at once: asked and answered: asked, answered",
      "tiny, 5 at once: asked and answered: asked, answered, failed",
      "<b>large</b>, 1 at once: asked and answered: asked, answered, failed",
      "The host: busy: processors, GPU 0",
      "The host: memory in use: host, GPU 0",
    ]);
    const [firstTokens] = plots;
    const [ascending, shares] = firstTokens!.series[0]!.points;
    expect(ascending).toEqual(ascending.toSorted((left, right) => left - right));
    expect(shares.at(0)).toBe(2.5);
    expect(shares.at(-1)).toBe(100);
  });

  test("counts what was asked when it was due, and what was answered when it was over", () => {
    const one = { due: 1000, late: 0, firstToken: 100, lastToken: 400, end: 500, tokens: 4 };
    const [, , , timeline] = plotsOf(run(stage([{ ...one, due: 2000, end: 600 }, one])));
    expect(timeline?.series).toEqual([
      {
        label: "asked",
        points: [
          [0, 1, 2],
          [0, 1, 2],
        ],
      },
      {
        label: "answered",
        points: [
          [0, 1.5, 2.6],
          [0, 1, 2],
        ],
      },
    ]);
  });

  test("draws the host over the whole run, with the stages", () => {
    const busy = plotsOf(report).find(({ title }) => title === "The host: busy")!;
    expect(busy.series).toEqual([
      {
        label: "processors",
        points: [
          [0, 1, 2, 3],
          [null, 25, 25, 25],
        ],
      },
      {
        label: "GPU 0",
        points: [
          [0, 1, 2, 3],
          [80, 81, 82, 83],
        ],
      },
    ]);
    expect(busy.bands).toEqual([
      { from: 0.2, until: 10.2, label: "tiny, 1 at once" },
      { from: 1.5, until: 11.5, label: "tiny, 5 at once" },
    ]);
  });

  test("of an older report, which has neither readings nor the stages' beginnings, draws the rest", () => {
    expect(plotsOf(run(stage(samples(40, 50, 1)))).map(({ title }) => title)).toHaveLength(4);
  });

  test("has what is needed to take the figures for what they are", () => {
    for (const text of [
      "the host: Debian GNU/Linux 12 (bookworm)",
      "Cold start of tiny: engine ready after 812 ms",
      "objectives: first token within 2 s, whole answer within 30 s; seed 1",
      "tiny, 5 at once: 1 failed: status 429",
      "<h2>Against before.json</h2>",
      '<span class="quicker">quicker</span>',
      '<span class="cannot tell">cannot tell</span>',
    ])
      expect(page).toContain(text);
  });

  test("says that there is nothing to compare with, where no stage is the same", () => {
    expect(renderHtml(report, { against: "other.json", comparisons: [] })).toContain(
      "Nothing to compare with other.json",
    );
  });

  test("asks nobody for anything, and a model's name is text", () => {
    expect(page).not.toMatch(/(src|href)=/);
    expect(page).not.toContain("<b>large</b>");
  });

  test.skipIf(CHROMIUM_MISSING).each<View>([
    { scheme: "light", width: 1200 },
    { scheme: "dark", width: 1200 },
    { scheme: "light", width: 360 },
    { scheme: "dark", width: 360 },
  ])("shows every plot in a browser, $scheme, $width pixels wide (needs Chromium)", async (view) => {
    const { titles, coloured, beyond, overflow, errors, background, text } = await lookAt(page, view);
    expect(errors).toEqual([]);
    expect(titles).toEqual(plotsOf(report).map(({ title }) => title));
    expect(coloured.filter((pixels) => pixels < 100)).toEqual([]);
    expect(beyond.filter((pixels) => pixels > 0)).toEqual([]);
    expect(overflow).toBeLessThanOrEqual(0);
    const [paper, ink] =
      view.scheme === "dark" ? ["rgb(13, 17, 23)", "rgb(230, 237, 243)"] : ["rgb(255, 255, 255)", "rgb(27, 31, 36)"];
    expect({ background, text }).toEqual({ background: paper, text: ink });
  });
});
