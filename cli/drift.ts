import Table from "cli-table3";
import { judgeDrift, phaseAtWork, type Difference, type DriftReport, type Hint } from "../plan/drift";
import { expiryNotices, keysLine, type ExpiryNotice } from "../plan/keys";
import { DRIFT_TEXT, NO_ROOT } from "../plan/render/loader";
import { CommandFailure, EXIT, type ExitCode } from "./failure";
import { hostAddress, readProject, type Project } from "./project";
import { writeReport } from "./report-file";
import { noRoot } from "./root-rights";
import { runOverSsh } from "./ssh";

/** A phase runs on the host at this moment: it is on its way from one state to another. */
export class HostAtWork extends CommandFailure {
  constructor(
    readonly phase: string,
    stack: string,
  ) {
    super(
      `The host is at work on ${phase} of a deployment: there is nothing to compare yet.`,
      `npm run drift -- ${stack} again, when it is done`,
      EXIT.internal,
    );
  }
}

/** Asks the host in one round trip; reads only. @throws HostAtWork, SshError */
export async function measureDrift(project: Project): Promise<DriftReport> {
  const result = await runOverSsh(hostAddress(project), DRIFT_TEXT);
  if (result.code === NO_ROOT) throw noRoot(project.config);
  if (result.code !== 0) {
    throw new CommandFailure(
      `the host's checks did not run (exit code ${result.code}): ${result.stderr.trim()}`,
      "run up again; it brings the checks anew",
      EXIT.internal,
    );
  }
  const running = phaseAtWork(result.stdout);
  if (running !== undefined) throw new HostAtWork(running, project.stack);
  return judgeDrift(result.stdout, project.plan);
}

/** The differences as a table for people; `repairs` says what mends those that are ours. */
export function renderDrift(
  { state, differences, repair }: DriftReport,
  stack: string,
  repairs = `npm run up -- ${stack} repairs it.`,
): string {
  switch (state) {
    case "not deployed":
      return `${stack}: not deployed yet. npm run up -- ${stack} deploys it.`;
    case "as deployed":
      return `${stack}: as deployed, no drift.`;
    case "other plan":
      return `${stack}: the host is as it was deployed, but the stack file or this checkout has changed since (${repair.join(", ")}).\nnpm run preview -- ${stack} shows the changes, npm run up -- ${stack} makes them.`;
    case "drifted":
      return [
        `${stack}: drifted in ${differences.length} place${differences.length === 1 ? "" : "s"}.`,
        differenceTable(differences),
        ...(repair.length > 0 ? [repairs] : []),
        ...byHand(differences),
      ].join("\n");
    default:
      return state satisfies never;
  }
}

function differenceTable(differences: readonly Difference[]): string {
  const table = new Table({
    head: ["step", "what", "expected", "found"],
    style: { head: [], border: [] },
    wordWrap: true,
    colWidths: [18, 34, 34, 34],
  });
  for (const { step, what, expected, found } of differences) table.push([step, what, expected, found]);
  return table.toString();
}

/** What is not ours to undo, with the way to do it. */
function byHand(differences: readonly Difference[]): string[] {
  const lines = differences.flatMap(({ what, found, repair }) => (repair ? [`  ${what}, ${found}: ${repair}`] : []));
  return lines.length > 0 ? ["Somebody else's work, which up leaves alone. On the host, as root:", ...lines] : [];
}

/** A key that ends soon or has ended is no drift: the host does as it was told. */
function expiryLine(stack: string, { key, expires, daysLeft }: ExpiryNotice): string {
  const when = daysLeft < 0 ? `ended with ${expires}` : `ends in ${daysLeft} days, with ${expires}`;
  return `Key ${key} ${when} (UTC). ${keysLine(stack, "rotate", key.split("/")[0]!)} makes a new one.`;
}

export const renderHint = ({ hint, found, wayOut }: Hint): string => `Worth knowing: ${hint}: ${found}.\n  ${wayOut}`;

export interface DriftOptions {
  readonly json?: string;
}

export async function drift(stack: string, options: DriftOptions): Promise<ExitCode> {
  const project = readProject(stack);
  const report = await measureDrift(project);
  const notices = expiryNotices(project.plan.keys, new Date());
  console.log(
    [
      renderDrift(report, stack),
      ...report.hints.map(renderHint),
      ...notices.map((notice) => expiryLine(stack, notice)),
    ].join("\n"),
  );
  if (options.json) writeReport(options.json, `${JSON.stringify({ ...report, expiring: notices }, null, 2)}\n`);
  return {
    "as deployed": EXIT.good,
    "not deployed": EXIT.failed,
    "other plan": EXIT.drift,
    drifted: EXIT.drift,
  }[report.state];
}
