import type { Read, StreamRecord } from "./stream";

/**
 * Whether a stream was passed on as it was made, told from its record alone whatever the model's speed.
 *
 * A server writes each token as an event of its own, so a piece of what arrives holds one event, now and then a few when
 * somebody on the way was busy. What holds a stream back (a compressor, a proxy that buffers an HTTP/1.0 upstream) sends it
 * on in pieces of its buffer's size: at 4 KiB, the smallest in use, about 18 events of an OpenAI stream each. Measured with
 * nginx 1.22 before Ollama 0.17.4 at about 1 ms per token on two busy processors: the median token arrives in a piece of 1
 * event (largest: 8) when passed on, of 73 when held back in 16 KiB. A pause between the generation and a replay event by
 * event would look right in that; it shows in a first token that comes late in the whole.
 */
export interface Pace {
  readonly faults: readonly string[];
  /** Too little came to tell; faults count nevertheless. */
  readonly tooShort: boolean;
  /** Tokens of the piece in which the median token came. */
  readonly medianPiece: number;
}

/** Largest median piece of a stream that counts as passed on. */
const MEDIAN_PIECE_LIMIT = 8;
/** More than most proxies' single buffers hold, and enough events for a median. */
const ENOUGH_BYTES = 16 * 1024;
const ENOUGH_EVENTS = 32;
/** Below this even a stream that came in one piece may have been one. */
const FEW_EVENTS = 2 * MEDIAN_PIECE_LIMIT;
/**
 * A reader that the machine keeps waiting gets a quick model's tokens in lumps, whoever sent them one by one; so a shorter
 * stream is judged by its HTTP chunks. Beside six endless loops on two processors 49 of 60 honest streams of 50 ms looked
 * passed on by their chunks, 16 by their reads.
 */
const QUICK_MILLISECONDS = 1000;
/** Reads closer to one another are one piece that the network cut: no model slower than `QUICK_MILLISECONDS` is that fast. */
const TOGETHER_MILLISECONDS = 1;
/** Share of the whole time after which a long answer's first token is late: the prompts are far shorter than the answers. */
const LATE_SHARE = 0.5;

export function pace({ reads, bytes, firstToken, end }: StreamRecord): Pace {
  const sizes = end < QUICK_MILLISECONDS ? reads.flatMap(({ chunks }) => chunks) : pieces(reads);
  const medianPiece = pieceOfMedianToken(sizes);
  const events = sizes.reduce((sum, size) => sum + size, 0);
  const tooShort = bytes < ENOUGH_BYTES || events < ENOUGH_EVENTS;
  if (firstToken === undefined) return { faults: ["no token came"], tooShort, medianPiece };
  const faults = [
    ...(events >= FEW_EVENTS && medianPiece > MEDIAN_PIECE_LIMIT
      ? [
          `held back: ${events} tokens came in ${sizes.filter((size) => size > 0).length} pieces, ${medianPiece} at a time`,
        ]
      : []),
    ...(!tooShort && firstToken > end * LATE_SHARE
      ? [`held back: the first token came after ${Math.round((firstToken / end) * 100)} % of the time`]
      : []),
  ];
  return { faults, tooShort, medianPiece };
}

/** Events of each run of reads that came together. */
function pieces(reads: readonly Read[]): number[] {
  return reads.reduce<number[]>((sizes, { at, events }, index) => {
    const together = index > 0 && at - reads[index - 1]!.at < TOGETHER_MILLISECONDS;
    return together ? [...sizes.slice(0, -1), sizes.at(-1)! + events] : [...sizes, events];
  }, []);
}

function pieceOfMedianToken(sizes: readonly number[]): number {
  const half = sizes.reduce((sum, size) => sum + size, 0) / 2;
  let counted = 0;
  return sizes.toSorted((a, b) => a - b).find((size) => (counted += size) >= half) ?? 0;
}
