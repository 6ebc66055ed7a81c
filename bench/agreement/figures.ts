import { z } from "zod";

/** What each tool says of a run, in one form. Pure. */

/** Milliseconds. */
export interface ToolFigures {
  readonly requests: number;
  readonly failed: number;
  readonly ttft: { readonly p50: number; readonly p95: number };
  readonly itl: { readonly p50: number; readonly p95: number };
}

const count = z.number().int();
const distribution = z.object({
  successful: z.object({ percentiles: z.object({ p50: z.number(), p95: z.number() }) }),
});
const guidellmSchema = z.object({
  benchmarks: z
    .array(
      z.object({
        metrics: z.object({
          request_totals: z.object({ successful: count, errored: count, incomplete: count }),
          time_to_first_token_ms: distribution,
          inter_token_latency_ms: distribution,
        }),
      }),
    )
    .min(1),
});

/** GuideLLM's JSON output. Its inter-token latency is (last − first) / (N − 1) of each request, as ours. */
export function guidellmFigures(json: unknown): ToolFigures {
  const { metrics } = guidellmSchema.parse(json).benchmarks[0]!;
  const { successful, errored, incomplete } = metrics.request_totals;
  return {
    requests: successful + errored + incomplete,
    failed: errored + incomplete,
    ttft: metrics.time_to_first_token_ms.successful.percentiles,
    itl: metrics.inter_token_latency_ms.successful.percentiles,
  };
}

const metric = z.object({ unit: z.literal("ms"), p50: z.number(), p95: z.number() });
const tally = z.object({ avg: z.number() });
const aiperfSchema = z.object({
  time_to_first_token: metric,
  inter_token_latency: metric,
  /** Those that succeeded. */
  request_count: tally,
  error_request_count: tally.optional(),
});

/** AIPerf's JSON export. Its inter-token latency is (whole − TTFT) / (N − 1) of each request. */
export function aiperfFigures(json: unknown): ToolFigures {
  const { time_to_first_token: ttft, inter_token_latency: itl, ...counts } = aiperfSchema.parse(json);
  const failed = counts.error_request_count?.avg ?? 0;
  return { requests: counts.request_count.avg + failed, failed, ttft, itl };
}
