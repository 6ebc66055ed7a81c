import { bounded, quantile, redrawn, type Estimate } from "../statistics";

/** From times to figures. Pure. */

/**
 * How much later the quantile of one side is than that of another. Rounds are resampled whole, since both sides of a round
 * saw the same machine. Linear in neither side's noise: what the engine itself takes longer now and then is in both
 * quantiles and falls out.
 *
 * @param side milliseconds, one a round
 * @param base the same rounds of the side that it is compared with
 */
export function added(side: readonly number[], base: readonly number[], share: number, seed: number): Estimate {
  if (side.length !== base.length || side.length === 0)
    throw new Error(`${side.length} rounds can't be compared with ${base.length}`);
  const rounds = [...side.keys()];
  const difference = (chosen: readonly number[]) =>
    quantile(
      chosen.map((round) => side[round]!),
      share,
    ) -
    quantile(
      chosen.map((round) => base[round]!),
      share,
    );
  return bounded(difference(rounds), (random) => difference(redrawn(rounds, random)), seed);
}

export type Judgement = "met" | "missed" | "cannot tell";

/** Whether a limit is kept, as far as the bounds tell. */
export function judge({ low, high }: Estimate, limit: number): Judgement {
  if (high <= limit) return "met";
  return low > limit ? "missed" : "cannot tell";
}
