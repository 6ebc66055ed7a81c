import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { TRANSFORMERS_VERSIONS } from "../plan/catalog/transformers";
import { OLLAMA_VERSIONS } from "../plan/config/engine-versions";
import { ensureToolchain } from "../toolchain/ensure";
import { ToolchainError } from "../toolchain/failure";
import { lineProgress } from "../toolchain/progress";
import { ensureTestInstruments } from "../toolchain/test-instruments";
import { loadExeca } from "../toolchain/execa";
import { EXIT, type ExitCode } from "./failure";
import { PROJECT } from "./project";

/** A project of vitest.config.mts. */
export type Lane = "unit" | "real";

const reportSchema = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTotalTestSuites: z.number(),
  numFailedTestSuites: z.number(),
  success: z.boolean(),
});

interface Count {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

interface LaneResult extends Count {
  /** A line for each test or preparation that failed. */
  readonly failures: string;
}

async function runLane(lane: Lane, path: string): Promise<LaneResult> {
  const report = join(PROJECT, "reports", `${lane}.json`);
  const failuresFile = join(PROJECT, "reports", `${lane}-failures.txt`);
  for (const file of [report, failuresFile]) rmSync(file, { force: true });
  const run = await (
    await loadExeca()
  )(
    "npx",
    [
      "--no-install",
      "vitest",
      "run",
      "--project",
      lane,
      "--reporter=default",
      "--reporter=json",
      "--reporter=./tests/harness/failures-reporter.ts",
      `--outputFile.json=${report}`,
    ],
    {
      cwd: PROJECT,
      env: { PATH: path, TMS_LLM_FAILURES: failuresFile },
      stdio: "inherit",
      reject: false,
    },
  );
  const counted = reportSchema.parse(JSON.parse(readFileSync(report, "utf8")));
  // A file that does not even load has no failed test; it must not pass for that.
  const failed = counted.numFailedTests === 0 && run.exitCode !== 0 ? 1 : counted.numFailedTests;
  const failures = existsSync(failuresFile) ? readFileSync(failuresFile, "utf8") : "";
  return { passed: counted.numPassedTests, failed, skipped: counted.numPendingTests, failures };
}

/** Makes what real hosts need, once and announced; a machine that can't have them still runs the rest. */
async function prepareRealHosts(): Promise<void> {
  try {
    await ensureToolchain({
      sandbox: true,
      ollama: OLLAMA_VERSIONS[0],
      // Its lock file is for one architecture.
      ...(process.arch === "x64" ? { python: { kind: "transformers", version: TRANSFORMERS_VERSIONS[0]! } } : {}),
      tinyModel: true,
      progress: lineProgress((line) => console.error(line)),
    });
  } catch (error) {
    if (!(error instanceof ToolchainError)) throw error;
    console.error(`The tests on real hosts are skipped:\n${error.message}`);
  }
}

/** Runs the lanes and ends with the line that counts what their reports say. */
export async function test(lanes: readonly Lane[]): Promise<ExitCode> {
  mkdirSync(join(PROJECT, "reports"), { recursive: true });
  const path = await ensureTestInstruments((line) => console.error(line));
  const total = { passed: 0, failed: 0, skipped: 0 };
  let failures = "";
  for (const lane of lanes) {
    if (lane === "real") await prepareRealHosts();
    const count = await runLane(lane, path);
    total.passed += count.passed;
    total.failed += count.failed;
    total.skipped += count.skipped;
    failures += count.failures;
  }
  // Again at the end: the first lane's are thousands of lines above it.
  if (failures !== "") console.log(`What failed:\n${failures}`);
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  return total.failed === 0 ? EXIT.good : EXIT.failed;
}
