import { z } from "zod";
import { quantile } from "../statistics";
import { succeeded, times, type Sample } from "./samples";

/** From samples to the figures of a stage. Pure. */

const quantilesSchema = z.strictObject({ p50: z.number(), p90: z.number(), p95: z.number(), p99: z.number() });
export type Quantiles = z.output<typeof quantilesSchema>;

export const figuresSchema = z.strictObject({
  requests: z.number().int(),
  succeeded: z.number().int(),
  /** Fault → how often. */
  faults: z.record(z.string(), z.number().int()),
  /** Part of all requests that succeeded and kept the objectives; a failed request is not good. */
  good: z.number(),
  seconds: z.number(),
  /** Of those that succeeded. */
  requestsPerSecond: z.number(),
  tokensPerSecond: z.number(),
  /** Milliseconds; null where no request succeeded. */
  ttft: quantilesSchema.nullable(),
  itl: quantilesSchema.nullable(),
  latency: quantilesSchema.nullable(),
  /** Requests that were sent more than 10 ms after they were due, and the longest delay in milliseconds. */
  sentLate: z.strictObject({ requests: z.number().int(), longest: z.number() }),
});
export type Figures = z.output<typeof figuresSchema>;

/** A request counts as sent in time up to here, in milliseconds. */
export const IN_TIME_MILLISECONDS = 10;

export interface Objectives {
  /** Seconds. */
  readonly ttft: number;
  readonly total: number;
}

/** @param milliseconds from the beginning of the stage to its last answer */
export function figures(samples: readonly Sample[], milliseconds: number, objectives: Objectives): Figures {
  const good = samples.filter(succeeded);
  const { ttft, itl, latency } = times(samples);
  const seconds = milliseconds / 1000;
  const kept = good.filter(
    ({ firstToken, end }) => firstToken <= objectives.ttft * 1000 && end <= objectives.total * 1000,
  );
  const late = samples.map((sample) => sample.late);
  return {
    requests: samples.length,
    succeeded: good.length,
    faults: count(samples.flatMap((sample) => (succeeded(sample) ? [] : [sample.fault ?? "no token came"]))),
    good: samples.length > 0 ? kept.length / samples.length : 0,
    seconds,
    requestsPerSecond: good.length / seconds,
    tokensPerSecond: good.reduce((sum, { tokens }) => sum + tokens, 0) / seconds,
    ttft: quantiles(ttft),
    itl: quantiles(itl),
    latency: quantiles(latency),
    sentLate: {
      requests: late.filter((delay) => delay > IN_TIME_MILLISECONDS).length,
      longest: Math.max(0, ...late),
    },
  };
}

function quantiles(values: readonly number[]): Quantiles | null {
  if (values.length === 0) return null;
  const of = (share: number) => quantile(values, share);
  return { p50: of(0.5), p90: of(0.9), p95: of(0.95), p99: of(0.99) };
}

function count(words: readonly string[]): Record<string, number> {
  const counted: Record<string, number> = {};
  for (const word of words) counted[word] = (counted[word] ?? 0) + 1;
  return counted;
}
