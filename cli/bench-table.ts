import { renderRuns } from "../bench/load/runs-table";
import { readBenchReports } from "./bench-report";
import { EXIT, type ExitCode } from "./failure";

/** One table over several runs: of models, quantizations, hosts. */
export function benchTable(files: readonly string[]): ExitCode {
  console.log(renderRuns(readBenchReports(files).map((report, index) => ({ name: files[index]!, report }))));
  return EXIT.good;
}
