import { compareRuns } from "../bench/load/compare";
import { renderComparison, renderReport } from "../bench/load/report";
import { renderHtml } from "../bench/load/report-html";
import { measureLoad } from "../bench/load/run";
import { benchSettings, type BenchOptions } from "../bench/load/settings";
import { smokeTarget } from "../plan/smoke-target";
import { smokeTargetSchema } from "../smoke/target";
import { readBenchReports } from "./bench-report";
import { confirm } from "./confirm";
import { EXIT, UsageError, type ExitCode } from "./failure";
import { endpointOutputs } from "./outputs";
import { prepare } from "./prepare";
import { readConfig, readProject } from "./project";
import { writeReport } from "./report-file";

export interface BenchVerbOptions extends BenchOptions {
  readonly against?: string;
  readonly json?: string;
  readonly html?: string;
  readonly yes?: boolean;
}

const REPORT = "reports/bench.json";

/** Measures the endpoint under load; writes every sample to `reports/bench.json`. */
export async function bench(stack: string, options: BenchVerbOptions): Promise<ExitCode> {
  const config = readConfig(stack);
  const settings = benchSettings(config, stack, options);
  // Read before anything is measured: a wrong file name must not cost a run.
  const [against] = options.against === undefined ? [] : readBenchReports([options.against]);
  if (settings.coldStart && !options.yes && !process.stdin.isTTY)
    throw new UsageError("nobody is here to confirm", `npm run bench -- ${stack} --cold-start --yes`);
  const { pulumi } = await prepare(stack, config);
  const { apiKeys, caCertificate } = await endpointOutputs(pulumi, stack);
  const project = readProject(stack);
  if (settings.coldStart) {
    console.error(`The engine of ${stack} is going to be restarted: answers that are under way end.`);
    if (!options.yes && !(await confirm("Restart it?"))) return EXIT.good;
  }
  const target = smokeTargetSchema.parse(smokeTarget({ ...project, keys: apiKeys, caCertificate }));
  const report = await measureLoad(project, target, settings, (line) => console.error(line));
  writeReport(options.json ?? REPORT, `${JSON.stringify(report, null, 2)}\n`);
  console.log(renderReport(report));
  const comparison = against && {
    against: options.against!,
    comparisons: compareRuns(report, against, settings.seed),
  };
  if (comparison) console.log(renderComparison(comparison.comparisons, comparison.against));
  if (options.html !== undefined) writeReport(options.html, renderHtml(report, comparison));
  console.log(`All samples: ${options.json ?? REPORT}`);
  return report.stages.some(({ figures }) => figures.succeeded > 0) ? EXIT.good : EXIT.failed;
}
