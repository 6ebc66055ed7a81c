import { defineConfig } from "vitest/config";

// A busy machine may starve one of thousands of tests; the end of the run names what passed only at the second attempt.
const retry = process.env.CI === undefined ? 0 : 1;

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["tests/unit/**/*.test.ts", "tests/golden/**/*.test.ts"],
          testTimeout: 20_000,
          retry,
        },
      },
      {
        test: {
          name: "real",
          include: ["tests/steps/**/*.test.ts", "tests/e2e/**/*.test.ts"],
          testTimeout: 600_000,
          hookTimeout: 1_200_000,
          // Much of the time is waiting, for boots, package managers and time limits; more at once would starve each other.
          maxWorkers: 2,
          retry,
        },
      },
    ],
  },
});
