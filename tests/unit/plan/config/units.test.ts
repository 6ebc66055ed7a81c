import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { duration, formatDuration, formatSize, formatTokens, size, tokensOrAuto } from "../../../../plan/config/units";

const accepted = (schema: z.ZodType, written: unknown) => schema.safeParse(written).data;

describe("size", () => {
  test.for([
    ["1 B", 1],
    ["512 KiB", 524_288],
    ["10GiB", 10_737_418_240],
    ["1.5 GiB", 1_610_612_736],
    ["  4 MiB ", 4_194_304],
    ["500 MB", 500_000_000],
    ["1 kB", 1000],
    ["2 TiB", 2_199_023_255_552],
  ] as const)("reads %s as %i bytes", ([written, bytes]) => {
    expect(accepted(size(), written)).toBe(bytes);
  });

  test.for(["10", 10, "10 G", "10 gib", "GiB", "", "-1 GiB", "1e3 MiB", "1,5 GiB", "10 GiB 5", true, null])(
    "refuses %j",
    (written) => {
      expect(size().safeParse(written).success).toBe(false);
    },
  );

  test("holds its bounds, the ends included", () => {
    const bounded = size({ min: 2 ** 20, max: 2 ** 30 });
    expect(["1 MiB", "1 GiB"].map((written) => accepted(bounded, written))).toEqual([2 ** 20, 2 ** 30]);
    expect(["1023 KiB", "1025 MiB"].map((written) => accepted(bounded, written))).toEqual([undefined, undefined]);
  });
});

describe("duration", () => {
  test.for([
    ["300ms", 0.3],
    ["7ms", 0.007],
    ["120s", 120],
    ["1.5 m", 90],
    ["2h", 7200],
    ["1d", 86_400],
    ["0s", 0],
  ] as const)("reads %s as %d seconds", ([written, seconds]) => {
    expect(accepted(duration(), written)).toBe(seconds);
  });

  test.for([120, "120", "2 min", "1w", "forever", "-1s"])("refuses %j", (written) => {
    expect(duration().safeParse(written).success).toBe(false);
  });
});

describe("tokens", () => {
  test.for([
    [4096, 4096],
    ["4096", 4096],
    ["32k", 32_768],
    ["32 K", 32_768],
    ["1.5k", 1536],
    ["auto", "auto"],
  ] as const)("reads %j as %s", ([written, count]) => {
    expect(accepted(tokensOrAuto(), written)).toBe(count);
  });

  test.for([4096.5, "1.1k", "8 KiB", "1M", -1])("refuses %j", (written) => {
    expect(tokensOrAuto().safeParse(written).success).toBe(false);
  });
});

describe("printing", () => {
  test("takes the largest unit that is exact", () => {
    expect([0, 1000, 1536, 5.5 * 2 ** 30, 10 * 2 ** 30, 500e6, 1e12, 12_345_678].map(formatSize)).toEqual([
      "0 B",
      "1 kB",
      "1.5 KiB",
      "5.5 GiB",
      "10 GiB",
      "500 MB",
      "1 TB",
      "12345678 B",
    ]);
    expect([0, 0.1, 0.007, 90, 120, 5400, 86_400].map(formatDuration)).toEqual([
      "0ms",
      "100ms",
      "7ms",
      "90s",
      "2m",
      "90m",
      "1d",
    ]);
    expect([0, 1000, 8192, 131_072].map(formatTokens)).toEqual(["0", "1000", "8k", "128k"]);
  });

  test.for(["4 GiB", "1.5 KiB", "500 MB"])("gives back %s", (written) => {
    expect(formatSize(size().parse(written))).toBe(written);
  });
});
