import { writeFileSync } from "node:fs";
import { z } from "zod";
import { smokeTarget } from "../plan/smoke-target";
import { exclusionFault } from "../smoke/exclusions";
import { renderJson, type SmokeReport } from "../smoke/report-json";
import { renderJunit } from "../smoke/report-junit";
import { renderMarkdown } from "../smoke/report-markdown";
import { renderTable } from "../smoke/report-terminal";
import { runSmoke } from "../smoke/run";
import { smokeTargetSchema } from "../smoke/target";
import { exitCode } from "../smoke/verdict";
import { CommandFailure, UsageError, type ExitCode } from "./failure";
import { prepare } from "./prepare";
import { readConfig, readProject } from "./project";

const outputsSchema = z.object({ apiKeys: z.record(z.string(), z.string()), caCertificate: z.string().optional() });

/** Option, named as on the command line → the report that goes into its file. */
const REPORTS = {
  json: renderJson,
  junit: renderJunit,
  markdown: renderMarkdown,
} satisfies Record<string, (report: SmokeReport) => string>;

export type SmokeOptions = { readonly [report in keyof typeof REPORTS]?: string } & {
  /** Checks to leave out, by id. */
  readonly exclude?: readonly string[];
};

/** Proves the endpoint from outside, now; always runs. */
export async function smoke(stack: string, options: SmokeOptions): Promise<ExitCode> {
  const { exclude = [] } = options;
  const fault = exclusionFault(exclude);
  if (fault !== undefined) throw new UsageError(`--exclude: ${fault}`, `npm run smoke -- ${stack} --exclude digest`);
  const config = readConfig(stack);
  const { pulumi } = await prepare(stack, config);
  const outputs = outputsSchema.safeParse(await pulumi.outputs());
  if (!outputs.success) throw new CommandFailure(`${stack} has no endpoint yet`, `npm run up -- ${stack}`);
  const { apiKeys, caCertificate } = outputs.data;
  const target = smokeTarget({ ...readProject(stack), keys: apiKeys, caCertificate });
  const report = await runSmoke(smokeTargetSchema.parse({ ...target, exclude }));
  for (const [name, render] of Object.entries(REPORTS)) {
    const file = options[name as keyof typeof REPORTS];
    if (file !== undefined) writeFileSync(file, render(report));
  }
  console.log(renderTable(report));
  return exitCode(report.verdict) as ExitCode;
}
