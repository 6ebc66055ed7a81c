import { bounded, quantile, redrawn, type Estimate } from "../statistics";
import type { BenchReport, StageReport } from "./report";
import { MEASURES, times, type Measure } from "./samples";
import { loadName } from "./schedule";

/** Two runs against one another. Pure. */

export interface Comparison {
  readonly model: string;
  readonly load: string;
  readonly measure: Measure;
  readonly share: 0.5 | 0.95;
  /** This run's time in parts of the other's, with bounds; below 1 is quicker. */
  readonly ratio: Estimate;
  readonly judgement: "quicker" | "slower" | "cannot tell";
}

/** Fewer samples than this have no p95 to speak of. */
const FEWEST = 20;

/** Every stage that both runs have, model and load being the same. */
export function compareRuns(run: BenchReport, against: BenchReport, seed: number): Comparison[] {
  return run.stages.flatMap((stage) => {
    const load = loadName(stage.load);
    const other = against.stages.find((one) => one.model === stage.model && loadName(one.load) === load);
    if (!other) return [];
    const [mine, theirs] = [times(stage.samples), times(other.samples)];
    // Those that failed have no time. Where they are not the same part of both, the others' times compare nothing.
    const asComplete = partThatSucceeded(stage) === partThatSucceeded(other);
    return MEASURES.flatMap((measure) => {
      const [now, then] = [mine[measure], theirs[measure]];
      if (Math.min(now.length, then.length) < FEWEST) return [];
      return ([0.5, 0.95] as const).map((share): Comparison => {
        const ratio = ratioOfQuantiles(now, then, share, seed);
        return {
          model: stage.model,
          load,
          measure,
          share,
          ratio,
          judgement: asComplete ? judgement(ratio) : "cannot tell",
        };
      });
    });
  });
}

const partThatSucceeded = ({ figures }: StageReport): number => figures.succeeded / figures.requests;

/** The runs are independent of one another, so each is resampled by itself. */
export function ratioOfQuantiles(
  now: readonly number[],
  then: readonly number[],
  share: number,
  seed: number,
): Estimate {
  const ratio = (mine: readonly number[], theirs: readonly number[]) => quantile(mine, share) / quantile(theirs, share);
  return bounded(ratio(now, then), (random) => ratio(redrawn(now, random), redrawn(then, random)), seed);
}

function judgement({ low, high }: Estimate): Comparison["judgement"] {
  if (high < 1) return "quicker";
  return low > 1 ? "slower" : "cannot tell";
}
