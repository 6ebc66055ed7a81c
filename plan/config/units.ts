import { z } from "zod";
import { wordings } from "./wording";

/** Smallest and largest value allowed, in the unit of the parsed value. */
export interface Bounds {
  readonly min?: number;
  readonly max?: number;
}

interface Quantity {
  /** As in "a size". */
  readonly noun: string;
  readonly example: string;
  /** Factor of each unit that may be written, in the order in which they are listed to people. */
  readonly factors: Readonly<Record<string, number>>;
  /** What people write instead of a unit, in lower case; "" is a bare number. Only used to word a hint. */
  readonly slips: Readonly<Record<string, string>>;
  /** Between number and unit when printed. */
  readonly gap: string;
  /** Whether a bare number is a value. */
  readonly bare: boolean;
  /** Decimals that a printed value may have. */
  readonly decimals: number;
}

const SIZE: Quantity = {
  noun: "a size",
  example: '"10 GiB"',
  factors: {
    B: 1,
    KiB: 2 ** 10,
    MiB: 2 ** 20,
    GiB: 2 ** 30,
    TiB: 2 ** 40,
    kB: 1e3,
    MB: 1e6,
    GB: 1e9,
    TB: 1e12,
  },
  slips: { "": "MiB", k: "KiB", m: "MiB", mi: "MiB", g: "GiB", gi: "GiB", t: "TiB", ti: "TiB" },
  gap: " ",
  bare: false,
  decimals: 1,
};

// Counted in milliseconds, so that "300ms" is exactly 0.3 s.
const DURATION: Quantity = {
  noun: "a duration",
  example: '"120s"',
  factors: { ms: 1, s: 1e3, m: 6e4, h: 36e5, d: 864e5 },
  slips: {
    "": "s",
    sec: "s",
    secs: "s",
    second: "s",
    seconds: "s",
    min: "m",
    mins: "m",
    minute: "m",
    minutes: "m",
    hr: "h",
    hrs: "h",
    hour: "h",
    hours: "h",
    day: "d",
    days: "d",
  },
  gap: "",
  bare: false,
  decimals: 0,
};

const TOKENS: Quantity = {
  noun: "a number of tokens",
  example: '8192 or "32k"',
  factors: { k: 1024, K: 1024 },
  slips: { ki: "k", kt: "k" },
  gap: "",
  bare: true,
  decimals: 0,
};

const WRITTEN = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/;

/** The value in the smallest unit (bytes, milliseconds, tokens), or undefined if it is not written as the quantity is. */
function read(quantity: Quantity, written: string): number | undefined {
  const [, digits, unit = ""] = WRITTEN.exec(written) ?? [];
  const factor = unit === "" && quantity.bare ? 1 : quantity.factors[unit];
  if (digits === undefined || factor === undefined) return undefined;
  const value = Number(digits) * factor;
  return quantity.bare && !Number.isInteger(value) ? undefined : Math.round(value);
}

/** The shortest exact way to write a value that is given in the smallest unit. */
function print(quantity: Quantity, value: number): string {
  const smallest: [string, number] = quantity.bare ? ["", 1] : Object.entries(quantity.factors)[0]!;
  const rounded = (factor: number) => Number((value / factor).toFixed(quantity.decimals));
  const [unit, factor] = Object.entries(quantity.factors)
    .filter(([, factor]) => value >= factor && Math.round(rounded(factor) * factor) === value)
    .reduce((best, next) => (next[1] > best[1] ? next : best), smallest);
  return `${rounded(factor)}${unit === "" ? "" : quantity.gap}${unit}`;
}

function expected(quantity: Quantity, { min, max }: Bounds): string {
  const range =
    (min === undefined ? "" : ` from ${print(quantity, min)}`) +
    (max === undefined ? "" : `${min === undefined ? " up" : ""} to ${print(quantity, max)}`);
  const units = Object.keys(quantity.factors).join(", ");
  if (quantity.bare) return `${quantity.noun}${range}, for example ${quantity.example}`;
  return `${quantity.noun}${range} with its unit (${units})${range === "" ? `, for example ${quantity.example}` : ""}`;
}

function hint(quantity: Quantity, written: string): string | undefined {
  const [, digits, unit = ""] = WRITTEN.exec(written) ?? [];
  if (digits === undefined || read(quantity, written) !== undefined) return undefined;
  const known = Object.keys(quantity.factors).find((name) => name.toLowerCase() === unit.toLowerCase());
  const meant = known ?? quantity.slips[unit.toLowerCase()];
  if (meant === undefined) return undefined;
  const value = read(quantity, `${digits}${meant}`);
  return value === undefined ? undefined : `Write "${digits}${quantity.gap}${meant}" if that is what was meant.`;
}

/** `words` are what may stand there instead of a number. */
function quantity<W extends string = never>(
  kind: Quantity,
  bounds: Bounds,
  scale: number,
  type: string,
  words: readonly W[] = [],
) {
  const limits = {
    ...(bounds.min === undefined ? {} : { min: bounds.min * scale }),
    ...(bounds.max === undefined ? {} : { max: bounds.max * scale }),
  };
  return z
    .union([z.string(), z.number()])
    .transform((value, context): number | W => {
      const written = String(value).trim();
      const word = words.find((candidate) => candidate === written);
      if (word !== undefined) return word;
      const parsed = read(kind, written);
      if (parsed !== undefined && parsed >= (limits.min ?? 0) && parsed <= (limits.max ?? Infinity))
        return parsed / scale;
      context.addIssue({ code: "custom", input: value, params: { hint: hint(kind, written) } });
      return z.NEVER;
    })
    .register(wordings, {
      expected: [...words, expected(kind, limits)].join(", or "),
      type: [type, ...words].join(" or "),
      print: (value: number | W) => (typeof value === "string" ? value : print(kind, value * scale)),
    });
}

/** A size in bytes, written with its unit: "10 GiB", "4 MiB", "500 MB". Bounds in bytes. */
export const size = (bounds: Bounds = {}) => quantity(SIZE, bounds, 1, "size");

/** A duration in seconds, written with its unit: "120s", "10m", "2h"; resolution 1 ms. Bounds in seconds. */
export const duration = (bounds: Bounds = {}) => quantity(DURATION, bounds, 1000, "duration");

/** A count of tokens: 4096, or "32k" for 32 × 1024; or the word `auto`. */
export const tokensOrAuto = (bounds: Bounds = {}) => quantity(TOKENS, bounds, 1, "tokens", ["auto"]);

/** Bytes as people write them, exact: 10737418240 → "10 GiB". */
export const formatSize = (bytes: number): string => print(SIZE, bytes);

/** Seconds as people write them, exact to 1 ms: 0.1 → "100ms", 86400 → "1d". */
export const formatDuration = (seconds: number): string => print(DURATION, Math.round(seconds * 1000));

/** Tokens as people write them: 8192 → "8k", 1000 → "1000". */
export const formatTokens = (count: number): string => print(TOKENS, count);
