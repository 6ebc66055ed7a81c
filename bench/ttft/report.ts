import { availableParallelism, cpus } from "node:os";
import Table from "cli-table3";
import { quantile, type Estimate } from "../statistics";
import { added, judge, type Judgement } from "./figures";
import { NAMES, type SideName } from "./sides";

/** Milliseconds that the gateway may add to the first token; aimed at, not a limit that fails the benchmark. */
const AIMS = { p50: 1, p95: 3 } as const;

interface SideFigures {
  readonly side: SideName;
  readonly name: string;
  /** Time to first token in milliseconds. */
  readonly p50: number;
  readonly p95: number;
  /** What it adds to the engine's own; absent for the engine. */
  readonly added?: { readonly p50: Estimate; readonly p95: Estimate };
}

export interface TtftReport {
  readonly schema: "tms-llm/bench-ttft/v1";
  readonly began: string;
  readonly rounds: number;
  readonly seed: number;
  readonly model: string;
  readonly environment: { readonly processor: string; readonly processors: number; readonly load: number };
  readonly sides: readonly SideFigures[];
  readonly aims: readonly { readonly quantile: "p50" | "p95"; readonly limit: number; readonly judgement: Judgement }[];
  /** Milliseconds by side, one a round. */
  readonly samples: Readonly<Record<SideName, readonly number[]>>;
}

export interface Measured {
  readonly began: Date;
  readonly seed: number;
  readonly model: string;
  /** Load average over the last minute when the run began. */
  readonly load: number;
  readonly samples: Readonly<Record<SideName, readonly number[]>>;
}

/** The figures of a run. Pure but for the machine's description. */
export function makeReport({ began, seed, model, load, samples }: Measured): TtftReport {
  const sides = (Object.keys(NAMES) as SideName[]).map((side): SideFigures => {
    const times = samples[side];
    const of = (share: number) => added(times, samples.direct, share, seed);
    return {
      ...{ side, name: NAMES[side], p50: quantile(times, 0.5), p95: quantile(times, 0.95) },
      ...(side === "direct" ? {} : { added: { p50: of(0.5), p95: of(0.95) } }),
    };
  });
  const ours = sides.find(({ side }) => side === "ours")!.added!;
  return {
    schema: "tms-llm/bench-ttft/v1",
    began: began.toISOString(),
    rounds: samples.direct.length,
    ...{ seed, model },
    environment: { processor: cpus()[0]?.model ?? "unknown", processors: availableParallelism(), load },
    sides,
    aims: (["p50", "p95"] as const).map((name) => ({
      ...{ quantile: name, limit: AIMS[name] },
      judgement: judge(ours[name], AIMS[name]),
    })),
    samples,
  };
}

const estimate = ({ value, low, high }: Estimate) => `${signed(value)} (${signed(low)} to ${signed(high)})`;
const signed = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;

/** The report as people read it. */
export function renderReport({ rounds, seed, model, sides, aims }: TtftReport): string {
  const table = new Table({
    head: ["ms", "TTFT p50", "p95", "added at p50 (95 %)", "added at p95 (95 %)"],
    style: { head: [], border: [] },
  });
  for (const { name, p50, p95, added: more } of sides)
    table.push([name, p50.toFixed(2), p95.toFixed(2), more ? estimate(more.p50) : "", more ? estimate(more.p95) : ""]);
  const judged = aims.map(({ quantile: name, limit, judgement }) => `${name} ≤ +${limit} ms: ${judgement}`);
  return [
    `Time to first token, model ${model}, ${rounds} rounds, seed ${seed}.`,
    table.toString(),
    `Aim ${judged.join(", ")}.`,
  ].join("\n");
}
