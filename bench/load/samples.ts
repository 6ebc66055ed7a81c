import { z } from "zod";

/** What became of one request. Times in milliseconds, from the moment at which it was due. */
export const sampleSchema = z.strictObject({
  /** When it was due, after the beginning of the stage. */
  due: z.number(),
  /** How much later it was sent: what the measuring side itself lost. */
  late: z.number(),
  firstToken: z.number().optional(),
  lastToken: z.number().optional(),
  end: z.number(),
  /** Completion tokens as the server counts them. */
  tokens: z.number().int().optional(),
  /** Why it counts as failed; absent: it succeeded. */
  fault: z.string().optional(),
});

export type Sample = z.output<typeof sampleSchema>;

/** A sample that succeeded. */
export type Success = Sample & { readonly firstToken: number; readonly lastToken: number; readonly tokens: number };

export const succeeded = (sample: Sample): sample is Success =>
  sample.fault === undefined &&
  sample.firstToken !== undefined &&
  sample.lastToken !== undefined &&
  sample.tokens !== undefined;

/** Mean time between two tokens, the wait for the first left out: (last − first) / (N − 1). None for a single token. */
export const interTokenLatency = ({ firstToken, lastToken, tokens }: Success): number[] =>
  tokens > 1 ? [(lastToken - firstToken) / (tokens - 1)] : [];

/** The times of the requests that succeeded, by what is measured. */
export function times(samples: readonly Sample[]) {
  const good = samples.filter(succeeded);
  return {
    ttft: good.map(({ firstToken }) => firstToken),
    itl: good.flatMap(interTokenLatency),
    latency: good.map(({ end }) => end),
  };
}

/** What is compared and shown: time to first token, time between tokens, time of the whole answer. */
export const MEASURES = ["ttft", "itl", "latency"] as const;
export type Measure = (typeof MEASURES)[number];
