import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { TRANSFORMERS_VERSIONS } from "../plan/catalog/transformers";
import { VLLM_VERSIONS } from "../plan/catalog/vllm";
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

/** What `tests/harness/failures-reporter.ts` writes: a line for each test or preparation. */
const failuresSchema = z.object({ failed: z.array(z.string()), passedLater: z.array(z.string()) });

interface LaneResult extends z.infer<typeof failuresSchema> {
  readonly count: { readonly passed: number; readonly failed: number; readonly skipped: number };
}

async function runLane(lane: Lane, path: string): Promise<LaneResult> {
  const report = join(PROJECT, "reports", `${lane}.json`);
  const failuresFile = join(PROJECT, "reports", `${lane}-failures.json`);
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
  // A vitest that was killed has written none.
  const failures = existsSync(failuresFile) ? readFileSync(failuresFile, "utf8") : '{"failed":[],"passedLater":[]}';
  return {
    ...failuresSchema.parse(JSON.parse(failures)),
    count: { passed: counted.numPassedTests, failed, skipped: counted.numPendingTests },
  };
}

/** Makes what real hosts need, once and announced; a machine that can't have them still runs the rest. */
async function prepareRealHosts(): Promise<void> {
  try {
    await ensureToolchain({
      sandbox: true,
      ollama: { version: OLLAMA_VERSIONS[0] },
      // Their lock files are for one architecture.
      python:
        process.arch === "x64"
          ? [
              { kind: "vllm", version: VLLM_VERSIONS[0]! },
              { kind: "transformers", version: TRANSFORMERS_VERSIONS[0]! },
            ]
          : [],
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
  const results: LaneResult[] = [];
  for (const lane of lanes) {
    if (lane === "real") await prepareRealHosts();
    results.push(await runLane(lane, path));
  }
  // Again at the end: the first lane's are thousands of lines above it.
  tell(
    "What passed only when it was tried again:",
    results.flatMap(({ passedLater }) => passedLater),
  );
  tell(
    "What failed:",
    results.flatMap(({ failed }) => failed),
  );
  const total = (name: keyof LaneResult["count"]) => results.reduce((sum, { count }) => sum + count[name], 0);
  console.log(`${total("passed")} passed, ${total("failed")} failed, ${total("skipped")} skipped`);
  return total("failed") === 0 ? EXIT.good : EXIT.failed;
}

function tell(heading: string, lines: readonly string[]): void {
  if (lines.length > 0) console.log([heading, ...lines, ""].join("\n"));
}
