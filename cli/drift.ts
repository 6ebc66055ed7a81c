import { writeFileSync } from "node:fs";
import Table from "cli-table3";
import { judgeDrift, type DriftReport } from "../plan/drift";
import { DRIFT_TEXT } from "../plan/render/loader";
import { CommandFailure, EXIT, type ExitCode } from "./failure";
import { hostAddress, readProject, type Project } from "./project";
import { runOverSsh } from "./ssh";

/** Asks the host in one round trip; reads only. */
export async function measureDrift(project: Project): Promise<DriftReport> {
  const result = await runOverSsh(hostAddress(project), DRIFT_TEXT);
  if (result.code !== 0) {
    throw new CommandFailure(
      `the host's checks did not run (exit code ${result.code}): ${result.stderr.trim()}`,
      "run up again; it brings the checks anew",
      EXIT.internal,
    );
  }
  return judgeDrift(result.stdout, project.plan);
}

/** The differences as a table for people. */
export function renderDrift({ state, differences }: DriftReport, stack: string): string {
  if (state === "not deployed") return `${stack}: not deployed yet. npm run up -- ${stack} deploys it.`;
  if (state === "as deployed") return `${stack}: as deployed, no drift.`;
  const table = new Table({
    head: ["step", "what", "expected", "found"],
    style: { head: [], border: [] },
    wordWrap: true,
    colWidths: [18, 34, 34, 34],
  });
  for (const { step, what, expected, found } of differences) table.push([step, what, expected, found]);
  return `${stack}: drifted in ${differences.length} place${differences.length === 1 ? "" : "s"}.\n${table.toString()}\nnpm run up -- ${stack} repairs it.`;
}

export interface DriftOptions {
  readonly json?: string;
}

export async function drift(stack: string, options: DriftOptions): Promise<ExitCode> {
  const report = await measureDrift(readProject(stack));
  if (options.json) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  console.log(renderDrift(report, stack));
  return { "as deployed": EXIT.good, "not deployed": EXIT.failed, drifted: EXIT.drift }[report.state];
}
