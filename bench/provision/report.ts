import { cpus } from "node:os";
import Table from "cli-table3";
import { pairedRatio, spread, type Series, type Spread, type Task } from "./figures";

const TASKS: Readonly<Record<Task, string>> = {
  fresh: "fresh host",
  "no-op": "again, nothing to do",
  check: "drift check of the host",
};

/** Our task, the peer's task that it is measured against, and the part of the peer's time that it should take at most. */
const COMPARISONS = [
  { task: "fresh", against: "fresh", aim: 0.8 },
  { task: "no-op", against: "no-op" },
  { task: "check", against: "no-op", aim: 0.4 },
] as const satisfies readonly { task: Task; against: Task; aim?: number }[];

export interface Ratio extends Spread {
  readonly task: Task;
  readonly peer: string;
  readonly against: Task;
  /** Aimed at, for the faster peer; not a limit that fails the benchmark. */
  readonly aim?: number;
}

export interface ProvisionReport {
  readonly schema: "tms-llm/bench-provision/v1";
  readonly rounds: number;
  readonly cores: number;
  readonly processor: string;
  /** Whether Pulumi's plugins are the official ones or this project's stand-ins. */
  readonly plugins: readonly string[];
  readonly equalFacts: number;
  readonly series: readonly Series[];
  readonly ratios: readonly Ratio[];
}

/** The figures of a run. Pure but for the machine's description. */
export function makeReport(series: readonly Series[], plugins: readonly string[], equalFacts: number): ProvisionReport {
  const find = (contender: string, task: Task) =>
    series.find((candidate) => candidate.contender === contender && candidate.task === task);
  const [ours, ...peers] = [...new Set(series.map(({ contender }) => contender))];
  const ratios = peers.flatMap((peer, index) =>
    COMPARISONS.flatMap((comparison): Ratio[] => {
      const { task, against } = comparison;
      const [mine, theirs] = [find(ours!, task), find(peer, against)];
      if (!mine || !theirs) return [];
      const aim = "aim" in comparison && index === 0 ? { aim: comparison.aim } : {};
      return [{ task, peer, against, ...aim, ...pairedRatio(mine, theirs) }];
    }),
  );
  return {
    schema: "tms-llm/bench-provision/v1",
    rounds: series[0]?.seconds.length ?? 0,
    cores: cpus().length,
    processor: cpus()[0]?.model ?? "unknown",
    plugins,
    equalFacts,
    series,
    ratios,
  };
}

const range = ({ median, minimum, maximum }: Spread, unit: string) =>
  `${median.toFixed(2)}${unit} (${minimum.toFixed(2)}–${maximum.toFixed(2)})`;

/** The report as people read it. */
export function renderReport({ series, ratios, rounds, equalFacts }: ProvisionReport): string {
  const style = { head: [], border: [] };
  const times = new Table({ head: ["", "task", "median (min–max)"], style });
  for (const one of series) times.push([one.contender, TASKS[one.task], range(spread(one.seconds), " s")]);
  const parts = new Table({ head: ["tms-llm", "in parts of", "median (min–max)", "aim"], style });
  for (const ratio of ratios) {
    parts.push([
      TASKS[ratio.task],
      `${ratio.peer}, ${TASKS[ratio.against]}`,
      range(ratio, ""),
      ratio.aim ? `≤ ${ratio.aim}` : "",
    ]);
  }
  return [
    `${rounds} round${rounds === 1 ? "" : "s"}, end states equal in ${equalFacts} facts.`,
    times.toString(),
    parts.toString(),
  ].join("\n");
}
