import { environmentLines } from "../../smoke/environment";
import { distribution, escape, htmlTable, renderPage, type Plot, type Series } from "../../smoke/page";
import type { Estimate } from "../statistics";
import type { Comparison } from "./compare";
import {
  COMPARISON_COLUMNS,
  comparisonCells,
  coldStartLine,
  FIGURE_COLUMNS,
  figureCells,
  LEGEND,
  nothingToCompare,
  remarks,
  type BenchReport,
  type StageReport,
} from "./report";
import { MEASURES, succeeded, times, type Measure } from "./samples";
import { loadName } from "./schedule";

/** A comparison with an earlier run, and the file that this is in. */
export interface Against {
  readonly against: string;
  readonly comparisons: readonly Comparison[];
}

/** The report as one page that needs nothing else: figures, comparison, and plots of the raw samples. */
export function renderHtml(report: BenchReport, comparison?: Against): string {
  const { stack, endpoint, began, seed, objectives, stages, coldStarts, environment } = report;
  const conditions = [
    `${endpoint}, ${began}`,
    `objectives: first token within ${objectives.ttft} s, whole answer within ${objectives.total} s; seed ${seed}`,
    ...environmentLines(environment),
    ...coldStarts.map(coldStartLine),
  ];
  return renderPage({
    title: `Benchmark of ${stack}`,
    heading: `Benchmark of ${escape(stack)} <small>${stages.length} stages</small>`,
    body: [
      `<p>${conditions.map(escape).join("<br />")}</p>`,
      htmlTable(
        "figures",
        ["model", "load", ...FIGURE_COLUMNS],
        stages.map((stage) => [stage.model, loadName(stage.load), ...figureCells(stage)].map(escape)),
      ),
      `<p>${[LEGEND, ...stages.flatMap(remarks)].map(escape).join("<br />")}</p>`,
      ...(comparison ? [comparisonPart(comparison)] : []),
    ].join("\n"),
    plots: plotsOf(report),
  });
}

function comparisonPart({ against, comparisons }: Against): string {
  if (comparisons.length === 0) return `<p>${escape(nothingToCompare(against))}</p>`;
  const scale = intervalScale(comparisons.map(({ ratio }) => ratio));
  const row = (comparison: Comparison) => {
    const [judgement, ...cells] = comparisonCells(comparison).map(escape).toReversed();
    return [
      ...cells.toReversed(),
      interval(comparison.ratio, scale),
      `<span class="${comparison.judgement}">${judgement}</span>`,
    ];
  };
  const [model, load, measure, ratio, judgement] = COMPARISON_COLUMNS;
  return [
    `<h2>Against ${escape(against)}</h2>`,
    htmlTable("figures", [model, load, measure, ratio, "less ← the same → more", judgement], comparisons.map(row)),
  ].join("\n");
}

type Scale = (ratio: number) => number;

/** Ratios as places from 0 to 100, the same for twice as much and for half as much away from 1, which is in the middle. */
function intervalScale(ratios: readonly Estimate[]): Scale {
  const reach = Math.max(Math.log(1.1), ...ratios.flatMap(({ low, high }) => [-Math.log(low), Math.log(high)]));
  return (ratio) => 50 + (Math.log(ratio) / reach) * 46;
}

function interval({ value, low, high }: Estimate, place: Scale): string {
  const at = (ratio: number) => place(ratio).toFixed(1);
  return `<svg class="interval" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label="${low.toFixed(2)} to ${high.toFixed(2)}">
<line x1="50" x2="50" y1="0" y2="10" stroke-dasharray="1 1" vector-effect="non-scaling-stroke" />
<line x1="${at(low)}" x2="${at(high)}" y1="5" y2="5" stroke-width="2" vector-effect="non-scaling-stroke" />
<line x1="${at(value)}" x2="${at(value)}" y1="2" y2="8" stroke-width="4" vector-effect="non-scaling-stroke" />
</svg>`;
}

const MEASURE_TITLES: Readonly<Record<Measure, string>> = {
  ttft: "time to first token",
  itl: "time between tokens",
  latency: "time of a whole answer",
};

/** Distributions by model, what each stage was asked and answered, and what the host was busy with. */
export function plotsOf(report: BenchReport): Plot[] {
  const { stages } = report;
  const models = [...new Set(stages.map(({ model }) => model))];
  return [
    ...models.flatMap((model) => distributions(stages.filter((stage) => stage.model === model))),
    ...stages.map(timeline),
    ...hostPlots(report),
  ];
}

/** Of one model, a line for each load. */
function distributions(stages: readonly StageReport[]): Plot[] {
  return MEASURES.flatMap((measure) => {
    const series = stages.flatMap(({ load, samples }) => {
      const values = times(samples)[measure];
      return values.length > 0 ? [distribution(loadName(load), values)] : [];
    });
    if (series.length === 0) return [];
    const title = `${stages[0]!.model}: ${MEASURE_TITLES[measure]}`;
    return [{ ...{ title, x: "milliseconds", y: "% of answers within", stepped: true, bands: [] }, series }];
  });
}

/** How many requests had come, and how many were over, by then; the distance is how many were under way. */
function timeline({ model, load, samples }: StageReport): Plot {
  const over = (ofInterest: typeof samples) => ofInterest.map(({ due, end }) => due + end);
  const good = samples.filter(succeeded);
  const failed = samples.filter((sample) => !succeeded(sample));
  return {
    ...{ title: `${model}, ${loadName(load)}: asked and answered`, x: "seconds", y: "requests" },
    ...{ stepped: true, bands: [] },
    series: [
      counted(
        "asked",
        samples.map(({ due }) => due),
      ),
      counted("answered", over(good)),
      ...(failed.length > 0 ? [counted("failed", over(failed))] : []),
    ],
  };
}

/** How many of these moments, in milliseconds, have passed. */
function counted(label: string, moments: readonly number[]): Series {
  const ascending = moments.toSorted((left, right) => left - right);
  return {
    label,
    points: [
      [0, ...ascending.map((at) => at / 1000)],
      [0, ...ascending.map((_, index) => index + 1)],
    ],
  };
}

function hostPlots({ readings = [], stages }: BenchReport): Plot[] {
  if (readings.length === 0) return [];
  const seconds = readings.map(({ at }) => at / 1000);
  const gpus = [...new Set(readings.flatMap((reading) => reading.gpus.map(({ index }) => index)))];
  const ofGpu = (gpu: number, what: "busy" | "memory") =>
    readings.map((reading) => reading.gpus.find(({ index }) => index === gpu)?.[what] ?? null);
  const line = (label: string, values: readonly (number | null)[], unit: number): Series => ({
    label,
    points: [seconds, values.map((value) => (value === null ? null : value / unit))],
  });
  const bands = stages.flatMap(({ model, load, began, figures }) =>
    began === undefined
      ? []
      : [{ from: began / 1000, until: began / 1000 + figures.seconds, label: `${model}, ${loadName(load)}` }],
  );
  const plot = (title: string, y: string, series: readonly Series[]): Plot => ({
    ...{ title, x: "seconds of the run", y, stepped: false, series, bands },
  });
  return [
    plot("The host: busy", "%", [
      line(
        "processors",
        readings.map(({ processors }) => processors),
        0.01,
      ),
      ...gpus.map((gpu) => line(`GPU ${gpu}`, ofGpu(gpu, "busy"), 0.01)),
    ]),
    plot("The host: memory in use", "GiB", [
      line(
        "host",
        readings.map(({ memory }) => memory),
        2 ** 30,
      ),
      ...gpus.map((gpu) => line(`GPU ${gpu}`, ofGpu(gpu, "memory"), 2 ** 30)),
    ]),
  ];
}
