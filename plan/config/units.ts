import { z } from "zod";

const SIZE = /^(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB|TiB|kB|KB|MB|GB|TB)$/;
const BYTES: Readonly<Record<string, number>> = {
  B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40, kB: 1e3, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12,
};
const DURATION = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/;
const SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86400 };
const TOKENS = /^(\d+)\s*(k|K)$/;

function unit<T>(pattern: string, example: string, parse: (text: string) => T | undefined) {
  return z.union([z.string(), z.number()]).transform((value, context) => {
    const parsed = parse(String(value).trim());
    if (parsed === undefined) {
      context.addIssue({ code: "custom", message: `expected ${pattern}, for example ${example}`, input: value });
      return z.NEVER;
    }
    return parsed;
  });
}

/** A size in bytes, written with its unit: "10 GiB", "4 MiB", "500 MB". */
export const size = () =>
  unit("a size with a unit (B, KiB, MiB, GiB, TiB, kB, MB, GB, TB)", '"10 GiB"', (text) => {
    const match = SIZE.exec(text);
    return match ? Math.round(Number(match[1]) * BYTES[match[2]!]!) : undefined;
  });

/** A duration in seconds, written with its unit: "120s", "10m", "2h". */
export const duration = () =>
  unit("a duration with a unit (ms, s, m, h, d)", '"120s"', (text) => {
    const match = DURATION.exec(text);
    return match ? Number(match[1]) * SECONDS[match[2]!]! : undefined;
  });

/** A count of tokens: 4096, or "32k" for 32 × 1024. */
export const tokens = () =>
  unit("a number of tokens", '8192 or "32k"', (text) => {
    const match = TOKENS.exec(text);
    if (match) return Number(match[1]) * 1024;
    return /^\d+$/.test(text) ? Number(text) : undefined;
  });
