import Table from "cli-table3";
import { FIGURE_COLUMNS, figureCells, LEGEND, remarks, type BenchReport } from "./report";
import { loadName } from "./schedule";

/** Several runs side by side: what another model, quantization or host makes of the same load. Pure. */

export interface NamedRun {
  /** What the reader calls it: the file. */
  readonly name: string;
  readonly report: BenchReport;
}

/** One table; the stages with the same load stand together, in the order of the runs. */
export function renderRuns(runs: readonly NamedRun[]): string {
  const stages = runs.flatMap(({ name, report }) =>
    report.stages.map((stage) => ({
      name,
      stage,
      load: loadName(stage.load),
      weights: weightsOf(report, stage.model),
    })),
  );
  const table = new Table({
    head: ["load", "run", "model", "weights", ...FIGURE_COLUMNS],
    style: { head: [], border: [] },
  });
  for (const load of new Set(stages.map((one) => one.load)))
    for (const { name, stage, weights } of stages.filter((one) => one.load === load))
      table.push([load, name, stage.model, weights, ...figureCells(stage)]);
  return [
    ...runs.map(({ name, report }) => `${name}: ${runLine(report)}`),
    table.toString(),
    LEGEND,
    ...differences(runs),
    ...runs.flatMap(({ name, report }) => report.stages.flatMap(remarks).map((remark) => `${name}: ${remark}`)),
  ].join("\n");
}

/** Beginning of the digest that the engine has for a model: the same name may hold other weights in another run. */
function weightsOf({ environment }: BenchReport, model: string): string {
  const models = environment.host?.models ?? {};
  return (models[model] ?? models[`${model}:latest`])?.slice(0, 12) ?? "–";
}

function runLine({ stack, began, environment: { host, engine } }: BenchReport): string {
  const gpu = host === undefined ? [] : [host.gpus.join("; ") || `no GPU, ${host.processors} × ${host.processor}`];
  return [stack, began, ...(engine === undefined ? [] : [`engine ${engine}`]), ...gpu].join(", ");
}

/** What makes runs with one another incomparable, where it is not what is being compared. */
function differences(runs: readonly NamedRun[]): string[] {
  const of = (what: (report: BenchReport) => readonly string[]) => [
    ...new Set(runs.flatMap(({ report }) => what(report))),
  ];
  const tokens = of(({ stages }) => stages.map((stage) => String(stage.tokens)));
  const objectives = of((report) => [`${report.objectives.ttft} s / ${report.objectives.total} s`]);
  return [
    ...(tokens.length > 1
      ? [
          `Not the same work: the longest answers have ${tokens.join(", ")} tokens, so whole and answers/s can't be compared.`,
        ]
      : []),
    ...(objectives.length > 1
      ? [`Not the same objectives (first token / whole): ${objectives.join(", ")}, so good can't be compared.`]
      : []),
  ];
}
