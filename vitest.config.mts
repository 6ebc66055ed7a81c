import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: { name: "unit", include: ["tests/unit/**/*.test.ts", "tests/golden/**/*.test.ts"], testTimeout: 20_000 },
      },
      {
        test: {
          name: "real",
          include: ["tests/steps/**/*.test.ts", "tests/e2e/**/*.test.ts"],
          testTimeout: 600_000,
          hookTimeout: 1_200_000,
          // Real hosts share two cores; one file at a time keeps them from starving each other.
          fileParallelism: false,
        },
      },
    ],
  },
});
