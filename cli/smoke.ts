import { writeFileSync } from "node:fs";
import { z } from "zod";
import { smokeTarget } from "../plan/smoke-target";
import { renderJson } from "../smoke/report-json";
import { renderTable } from "../smoke/report-terminal";
import { runSmoke } from "../smoke/run";
import { smokeTargetSchema } from "../smoke/target";
import { exitCode } from "../smoke/verdict";
import { CommandFailure, type ExitCode } from "./failure";
import { prepare } from "./prepare";
import { readConfig, readProject } from "./project";

const outputsSchema = z.object({ apiKeys: z.record(z.string(), z.string()), caCertificate: z.string().optional() });

export interface SmokeOptions {
  readonly json?: string;
}

/** Proves the endpoint from outside, now; always runs. */
export async function smoke(stack: string, options: SmokeOptions): Promise<ExitCode> {
  const config = readConfig(stack);
  const { pulumi } = await prepare(stack, config);
  const outputs = outputsSchema.safeParse(await pulumi.outputs());
  if (!outputs.success) throw new CommandFailure(`${stack} has no endpoint yet`, `npm run up -- ${stack}`);
  const { apiKeys, caCertificate } = outputs.data;
  const target = smokeTarget({ ...readProject(stack), keys: apiKeys, caCertificate });
  const report = await runSmoke(smokeTargetSchema.parse(target));
  if (options.json) writeFileSync(options.json, renderJson(report));
  console.log(renderTable(report));
  return exitCode(report.verdict) as ExitCode;
}
