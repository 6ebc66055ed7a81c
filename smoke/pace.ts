import type { StreamRecord } from "./stream";

/**
 * Whether a stream was passed on as it was made, told from its record alone whatever the model's speed.
 *
 * A server writes each token as an event of its own, so a read from the socket brings one event, now and then a few when
 * the reader or the line was busy. What holds a stream back (a compressor, a proxy that buffers an HTTP/1.0 upstream)
 * sends it on in pieces of its buffer's size: at 4 KiB, the smallest in use, about 18 events of an OpenAI stream each.
 * Measured with nginx 1.22 before Ollama 0.17.4 at about 1 ms per token on two busy processors: the median token arrives
 * in a read of 1 event (largest read: 8) when passed on, of 73 when held back in 16 KiB. A pause between the generation
 * and a replay event by event would look right in that; it shows in a first token that comes late in the whole.
 */
export interface Pace {
  readonly faults: readonly string[];
  /** Too little came to tell; faults count nevertheless. */
  readonly tooShort: boolean;
  /** Tokens of the read in which the median token came. */
  readonly medianRead: number;
}

/** Largest median read of a stream that counts as passed on. */
const MEDIAN_READ_LIMIT = 8;
/** More than most proxies' single buffers hold, and enough events for a median. */
const ENOUGH_BYTES = 16 * 1024;
const ENOUGH_EVENTS = 32;
/** Below this even a stream that came in one piece may have been one. */
const FEW_EVENTS = 2 * MEDIAN_READ_LIMIT;
/** Share of the whole time after which a long answer's first token is late: the prompts are far shorter than the answers. */
const LATE_SHARE = 0.5;

export function pace({ reads, bytes, firstToken, end }: StreamRecord): Pace {
  const medianRead = readOfMedianToken(reads.map(({ events }) => events));
  const events = reads.reduce((sum, read) => sum + read.events, 0);
  const tooShort = bytes < ENOUGH_BYTES || events < ENOUGH_EVENTS;
  if (firstToken === undefined) return { faults: ["no token came"], tooShort, medianRead };
  const faults = [
    ...(events >= FEW_EVENTS && medianRead > MEDIAN_READ_LIMIT
      ? [`held back: ${events} tokens came in ${reads.length} pieces, ${medianRead} at a time`]
      : []),
    ...(!tooShort && firstToken > end * LATE_SHARE
      ? [`held back: the first token came after ${Math.round((firstToken / end) * 100)} % of the time`]
      : []),
  ];
  return { faults, tooShort, medianRead };
}

function readOfMedianToken(sizes: readonly number[]): number {
  const half = sizes.reduce((sum, size) => sum + size, 0) / 2;
  let counted = 0;
  return sizes.toSorted((a, b) => a - b).find((size) => (counted += size) >= half) ?? 0;
}
