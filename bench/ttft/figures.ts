import { quantileSorted, sampleWithReplacement } from "simple-statistics";

/** From times to figures. Pure. */

/** A figure with the bounds between which 95 of 100 resampled runs lie. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 1000;
const quantile = (values: readonly number[], share: number) =>
  quantileSorted(
    values.toSorted((left, right) => left - right),
    share,
  );

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
  const random = generator(seed);
  const resampled = Array.from({ length: RESAMPLES }, () =>
    difference(sampleWithReplacement(rounds, rounds.length, random)),
  );
  return { value: difference(rounds), low: quantile(resampled, 0.025), high: quantile(resampled, 0.975) };
}

export { quantile };

/** Mulberry32, in [0, 1): the same seed, the same figures. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export type Judgement = "met" | "missed" | "cannot tell";

/** Whether a limit is kept, as far as the bounds tell. */
export function judge({ low, high }: Estimate, limit: number): Judgement {
  if (high <= limit) return "met";
  return low > limit ? "missed" : "cannot tell";
}
