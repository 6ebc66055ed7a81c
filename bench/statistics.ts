import { quantileSorted, sampleWithReplacement } from "simple-statistics";

/** What the benchmarks share: quantiles, bounds by resampling, numbers that a seed determines. Pure. */

/** A figure with the bounds between which 95 of 100 resampled runs lie. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Uniform in [0, 1). */
export type Random = () => number;

const RESAMPLES = 1000;

/** The value below which the given share of the values lies. */
export const quantile = (values: readonly number[], share: number): number =>
  quantileSorted(
    values.toSorted((left, right) => left - right),
    share,
  );

/** Bounds of a statistic, from what it would have been in resampled runs (percentile bootstrap). */
export function bounded(value: number, resample: (random: Random) => number, seed: number): Estimate {
  const random = generator(seed);
  const resampled = Array.from({ length: RESAMPLES }, () => resample(random));
  return { value, low: quantile(resampled, 0.025), high: quantile(resampled, 0.975) };
}

/** As many of the values again, drawn with replacement. */
export const redrawn = <Value>(values: readonly Value[], random: Random): Value[] =>
  sampleWithReplacement([...values], values.length, random);

/** Mulberry32: the same seed, the same numbers. */
export function generator(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
