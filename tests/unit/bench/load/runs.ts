import { figures } from "../../../../bench/load/figures";
import type { BenchReport, StageReport } from "../../../../bench/load/report";
import type { Sample } from "../../../../bench/load/samples";
import { generator } from "../../../../bench/statistics";
import { ENVIRONMENT } from "../../smoke/environment";

/** Runs as the benchmark reports them, made of a seed. */

const OBJECTIVES = { ttft: 2, total: 30 };

/** Answers of ten tokens, whose first comes after `ttft` milliseconds and a tenth of that more or less. */
export function samples(count: number, ttft: number, seed: number): Sample[] {
  const random = generator(seed);
  return Array.from({ length: count }, (_, index): Sample => {
    const firstToken = ttft * (0.9 + 0.2 * random());
    const lastToken = firstToken + 90 + 20 * random();
    return { due: index * 100, late: 0, firstToken, lastToken, end: lastToken + 1, tokens: 10 };
  });
}

export function stage(given: readonly Sample[], changes: Partial<StageReport> = {}): StageReport {
  return {
    ...{ model: "tiny", load: { kind: "closed", concurrency: 1 }, tokens: 128, warmUp: 1, heldBack: 0 },
    figures: figures(given, 10_000, OBJECTIVES),
    host: { readings: 0, processors: null, memory: null, gpus: [] },
    samples: [...given],
    ...changes,
  };
}

export const run = (...stages: StageReport[]): BenchReport => ({
  ...{ schema: "tms-llm/bench/v1", stack: "dev", endpoint: "https://llm.internal", began: "2026-11-21T08:00:00.000Z" },
  ...{ seed: 1, objectives: OBJECTIVES, coldStarts: [], stages, environment: ENVIRONMENT },
});
