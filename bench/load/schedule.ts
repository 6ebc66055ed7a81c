import type { Random } from "../statistics";

/** When requests are sent. Pure: time is an argument, in milliseconds. */

/** How a stage puts its load on. */
export type Load =
  /** Closed loop: so many clients, each of which asks again when it has its answer. */
  | { readonly kind: "closed"; readonly concurrency: number }
  /** Open loop: requests come when they come, whether the former ones are answered or not. */
  | { readonly kind: "open"; readonly perSecond: number; readonly arrivals: Arrivals };

/** Evenly spaced, or at random as independent clients come. */
export type Arrivals = "fixed" | "poisson";

export function loadName(load: Load): string {
  return load.kind === "closed" ? `${load.concurrency} at once` : `${load.perSecond}/s ${load.arrivals}`;
}

/** Milliseconds after the beginning at which each of `count` requests is due, in order. */
export function arrivalTimes(arrivals: Arrivals, perSecond: number, count: number, random: Random): number[] {
  const mean = 1000 / perSecond;
  // Gaps between independent arrivals are distributed exponentially.
  const gap = () => (arrivals === "fixed" ? mean : -Math.log(1 - random()) * mean);
  let due = 0;
  return Array.from({ length: count }, () => (due += gap()) - (arrivals === "fixed" ? mean : 0));
}

export interface RateLimit {
  readonly requestsPerMinute: number;
  readonly burst: number;
}

/** Part of the gateway's limit that the benchmark takes: what it sends may arrive closer together. */
const SHARE = 0.9;
/** Part of the burst; the rest may have been used up by whoever asked before. */
const SHARE_OF_BURST = 0.5;

/** Largest rate of an open loop that the gateway's own limit lets through, in requests per second. */
export const allowedPerSecond = ({ requestsPerMinute }: RateLimit): number => (requestsPerMinute / 60) * SHARE;

/**
 * The gateway's limit as nginx counts it: each request adds one, time takes away, and what is above the burst is refused.
 * A benchmark that runs into it would measure refusals.
 */
export class Allowance {
  private excess = 0;
  private last = 0;

  constructor(private readonly limit: RateLimit) {}

  /** Books a request at `now` or as soon after it as the limit allows. @returns milliseconds to wait until then */
  take(now: number): number {
    const perMillisecond = allowedPerSecond(this.limit) / 1000;
    this.excess = Math.max(0, this.excess - Math.max(0, now - this.last) * perMillisecond);
    this.last = Math.max(now, this.last);
    this.excess += 1;
    const above = this.excess - 1 - this.limit.burst * SHARE_OF_BURST;
    return Math.max(0, above / perMillisecond) + (this.last - now);
  }
}
