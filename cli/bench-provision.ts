import { compareProvisioning } from "../bench/provision/run";
import { renderReport } from "../bench/provision/report";
import { EXIT, UsageError, type ExitCode } from "./failure";
import { writeReport } from "./report-file";

export interface BenchProvisionOptions {
  readonly rounds?: string;
}

const MOST_ROUNDS = 20;

/** Measures the host work against pyinfra and Ansible, and writes the figures to `reports/bench-provision.json`. */
export async function benchProvision(options: BenchProvisionOptions): Promise<ExitCode> {
  const rounds = Number(options.rounds ?? "3");
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > MOST_ROUNDS) {
    throw new UsageError(
      `--rounds is ${options.rounds}; allowed is a whole number from 1 to ${MOST_ROUNDS}`,
      "npm run bench:provision -- --rounds 3",
    );
  }
  const report = await compareProvisioning(rounds, (line) => console.error(line));
  const file = "reports/bench-provision.json";
  writeReport(file, `${JSON.stringify(report, null, 2)}\n`);
  console.log(`${renderReport(report)}\nAll figures: ${file}`);
  return EXIT.good;
}
