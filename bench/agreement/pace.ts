import { createHash } from "node:crypto";

/** The paced server's times: known beforehand, the same for the same prompt whoever asks. Pure; milliseconds. */

export interface Pace {
  /** From the request's arrival to the first token. */
  readonly ttft: number;
  /** Between two tokens. */
  readonly itl: number;
}

const TTFT = { least: 80, most: 240 } as const;
const ITL = { least: 8, most: 16 } as const;

/** Spread over the range, so that the quantiles of a run lie apart. */
export function paceOf(prompt: string): Pace {
  const digest = createHash("sha256").update(prompt).digest();
  const within = ({ least, most }: { readonly least: number; readonly most: number }, offset: number) =>
    least + ((most - least) * digest.readUInt32BE(offset)) / 2 ** 32;
  return { ttft: within(TTFT, 0), itl: within(ITL, 4) };
}

/** Prompts of a run; each tool asks all of them, equally often. */
export const prompts = (count: number): string[] =>
  Array.from(
    { length: count },
    (_, index) => `${index + 1}번 질의를 튜닝해 주세요: SELECT * FROM orders WHERE id = ${index}`,
  );
