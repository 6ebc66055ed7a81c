import { judgeDrift, phaseAtWork } from "../plan/drift";
import type { StackConfig } from "../plan/config/schema";
import { parseFacts } from "../plan/facts";
import { judgePreflight, refusalText } from "../plan/preflight";
import { NO_ROOT, scriptText } from "../plan/render/loader";
import { reportScript } from "../plan/render/report-script";
import { secretsIn } from "../plan/report/known";
import { LONGEST_PIECE, readPieces } from "../plan/report/pieces";
import { demands } from "./facts";
import { hostAddress, readHost, type Project } from "./project";
import { noRoot } from "./root-rights";
import { runOverSsh } from "./ssh";

/** What the host tells of itself for a report, in one round trip that reads only. */

export interface HostAnswer {
  readonly files: Readonly<Record<string, string>>;
  readonly missing: Readonly<Record<string, string>>;
  readonly cut: readonly string[];
  readonly hosts: readonly string[];
  readonly people: readonly string[];
  readonly secrets: readonly string[];
}

/** Longest time for all pieces together; those that came until then are kept. */
const LONGEST_ANSWER_MILLISECONDS = 300_000;
const FOLDER = "host/";

/** @throws SshError, CommandFailure where there is no answer at all */
export async function askHost(stack: string, config: StackConfig, project: Project | undefined): Promise<HostAnswer> {
  const { code, stdout, stderr } = await runOverSsh(
    hostAddress(readHost(stack, config)),
    scriptText(String(LONGEST_PIECE)),
    { stdin: reportScript(), signal: AbortSignal.timeout(LONGEST_ANSWER_MILLISECONDS) },
  );
  if (code === NO_ROOT) throw noRoot(config);
  const pieces = readPieces(stdout);
  const broken =
    code === 0
      ? {}
      : { "": `the host's answer broke off (exit code ${code})${stderr === "" ? "" : `: ${stderr.trim()}`}` };
  const inFolder = (paths: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(paths).map(([path, text]) => [FOLDER + path, text]));
  return {
    files: inFolder({
      ...pieces.files,
      ...readable(pieces.files),
      ...judgements(stack, config, project, pieces.files),
    }),
    missing: inFolder({ ...pieces.missing, ...broken }),
    cut: pieces.cut.map((path) => FOLDER + path),
    hosts: pieces.names.split("\n").flatMap((name) => [name, name.split(".")[0]!]),
    people: pieces.people.split("\n"),
    secrets: secretsIn(pieces.secrets),
  };
}

/** The facts for people, without what commands complained of beside them; as they are where that is all. */
function readable({ "facts.json": facts = "" }: Readonly<Record<string, string>>): Record<string, string> {
  try {
    const line = facts.split("\n").findLast((candidate) => candidate.startsWith("{"));
    return line === undefined ? {} : { "facts.json": JSON.stringify(JSON.parse(line), null, 2) };
  } catch {
    return {};
  }
}

/** What this side makes of the host's measurements; nothing where they cannot be read, which they then show themselves. */
function judgements(
  stack: string,
  config: StackConfig,
  project: Project | undefined,
  { "facts.json": facts = "", "drift.jsonl": drift = "" }: Readonly<Record<string, string>>,
): Record<string, string> {
  const judged: Record<string, () => string> = {
    "preflight.txt": () => {
      const measured = parseFacts(facts);
      const { refusals, warnings } = judgePreflight(measured, demands(stack, config, measured));
      return refusals.length + warnings.length === 0 ? "The host would be admitted." : refusalText(refusals, warnings);
    },
    "drift.json": () => {
      if (project === undefined) throw new Error("there is no plan to compare with");
      const running = phaseAtWork(drift);
      return JSON.stringify(running === undefined ? judgeDrift(drift, project.plan) : { running }, null, 2);
    },
  };
  return Object.fromEntries(
    Object.entries(judged).map(([path, judge]) => {
      try {
        return [path, judge()];
      } catch (error) {
        return [path, `cannot be judged: ${error instanceof Error ? error.message : String(error)}`];
      }
    }),
  );
}
