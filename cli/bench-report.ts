import { existsSync, readFileSync } from "node:fs";
import { benchReportSchema, type BenchReport } from "../bench/load/report";
import { UsageError } from "./failure";

/**
 * Reads reports that `npm run bench` has written.
 * @throws UsageError with every file that is none
 */
export function readBenchReports(files: readonly string[]): BenchReport[] {
  const read = files.map((file) => (existsSync(file) ? reportIn(file) : `${file}: there is no such file`));
  const faults = read.filter((report) => typeof report === "string");
  if (faults.length > 0)
    throw new UsageError(faults.join("\n"), "give files that npm run bench has written, e.g. reports/bench.json");
  return read.filter((report) => typeof report !== "string");
}

function reportIn(file: string): BenchReport | string {
  try {
    return benchReportSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return `${file}: it is no report of npm run bench`;
  }
}
