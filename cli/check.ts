import { loadExeca } from "../toolchain/execa";
import { ensureTestInstruments } from "../toolchain/test-instruments";
import { EXIT, type ExitCode } from "./failure";
import { PROJECT } from "./project";

const CHECKS: readonly (readonly [name: string, ...command: string[]])[] = [
  ["types", "tsc", "--project", "."],
  ["lint", "eslint", ".", "--max-warnings", "0"],
  ["format", "prettier", "--check", "--log-level", "warn", "."],
  ["dead code", "knip"],
  ["shell scripts", "vitest", "run", "--project", "unit", "tests/unit/templates"],
  ["workflows", "vitest", "run", "--project", "unit", "tests/unit/workflow"],
];

/** Everything that judges the code without running it. All checks run, and all that fail are named. */
export async function check(): Promise<ExitCode> {
  const failed: string[] = [];
  const path = await ensureTestInstruments((line) => console.error(line));
  for (const [name, ...command] of CHECKS) {
    console.error(`check: ${name}`);
    const run = await (
      await loadExeca()
    )("npx", ["--no-install", ...command], { cwd: PROJECT, env: { PATH: path }, stdio: "inherit", reject: false });
    if (run.exitCode !== 0) failed.push(name);
  }
  console.log(failed.length === 0 ? "All checks passed." : `Failed: ${failed.join(", ")}.`);
  return failed.length === 0 ? EXIT.good : EXIT.failed;
}
