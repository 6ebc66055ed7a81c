import { smokeTarget } from "../plan/smoke-target";
import { exclusionFault } from "../smoke/exclusions";
import { renderHtml } from "../smoke/report-html";
import { renderJson, type SmokeReport } from "../smoke/report-json";
import { renderJunit } from "../smoke/report-junit";
import { renderMarkdown } from "../smoke/report-markdown";
import { renderTable } from "../smoke/report-terminal";
import { runSmoke } from "../smoke/run";
import { GATE, THOROUGH } from "../smoke/sets";
import { smokeTargetSchema, type SmokeTarget } from "../smoke/target";
import { exitCode } from "../smoke/verdict";
import { UsageError, type ExitCode } from "./failure";
import { endpointOutputs } from "./outputs";
import { prepare } from "./prepare";
import { readConfig, readProject } from "./project";
import { writeReport } from "./report-file";
import { urlTarget, type UrlOptions } from "./smoke-url";

/** Option, named as on the command line → the report that goes into its file. */
const REPORTS = {
  json: renderJson,
  junit: renderJunit,
  markdown: renderMarkdown,
  html: renderHtml,
} satisfies Record<string, (report: SmokeReport) => string>;

export type SmokeOptions = UrlOptions & { readonly [report in keyof typeof REPORTS]?: string } & {
  /** Checks to leave out, by id. */
  readonly exclude?: readonly string[];
  /** Every check instead of those of a deployment. */
  readonly thorough?: boolean;
};

/** Proves an endpoint from outside, now: that of a stack, or one that is known by its URL. Always runs. */
export async function smoke(stack: string, options: SmokeOptions): Promise<ExitCode> {
  const { exclude = [], thorough } = options;
  const checks = thorough ? THOROUGH : GATE;
  const fault = exclusionFault(exclude, checks);
  if (fault !== undefined) throw new UsageError(`--exclude: ${fault}`, `npm run smoke -- ${stack} --exclude digest`);
  const target = options.url === undefined ? await stackTarget(stack, options) : urlTarget(options);
  const report = await runSmoke({ ...target, exclude: [...exclude] }, { checks });
  console.log(renderTable(report));
  for (const [name, render] of Object.entries(REPORTS)) {
    const file = options[name as keyof typeof REPORTS];
    if (file !== undefined) writeReport(file, render(report));
  }
  return exitCode(report.verdict) as ExitCode;
}

async function stackTarget(stack: string, { keyFile, ca, model }: UrlOptions): Promise<SmokeTarget> {
  if (keyFile !== undefined || ca !== undefined || model !== undefined)
    throw new UsageError(
      "--key-file, --ca and --model belong to --url; of a stack they are known",
      `npm run smoke -- ${stack}`,
    );
  const { pulumi } = await prepare(stack, readConfig(stack));
  const { apiKeys, caCertificate } = await endpointOutputs(pulumi, stack);
  return smokeTargetSchema.parse(smokeTarget({ ...readProject(stack), keys: apiKeys, caCertificate }));
}
