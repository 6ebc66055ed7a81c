import { createTwoFilesPatch } from "diff";
import type { PlannedStack } from "./planned-stack";
import { RESTART_NOTICE, restartsEngine } from "./restart";

/** What a change does to the hosts, as one Markdown comment for a pull request. */

/** The comment is found by this line, and updated. */
export const COMMENT_MARK = "<!-- tms-llm: what this change does to the hosts -->";

/** GitHub refuses longer comments; measured in characters. */
const LONGEST = 65_536;

/** Lines of one file's diff, tried in this order until the comment is short enough. */
const DIFF_LINES = [Number.POSITIVE_INFINITY, 400, 100, 25, 0];

/**
 * @param whole where the uncut comment is to be had, for the note of a cut one
 * @param limit characters at most
 */
export function renderComment(
  before: readonly PlannedStack[],
  after: readonly PlannedStack[],
  whole: string,
  limit: number = LONGEST,
): string {
  const changes = stackNames(before, after).map((stack) =>
    compareStacks(stack, find(before, stack), find(after, stack)),
  );
  let comment = "";
  for (const lines of DIFF_LINES) {
    comment = [
      COMMENT_MARK,
      "### What this change does to the hosts",
      "",
      overview(changes),
      ...changes.map((change) => details(change, lines)),
    ].join("\n");
    if (lines !== DIFF_LINES[0]) comment += `\nLong differences were cut; the whole text: ${whole}\n`;
    if (comment.length <= limit) return comment;
  }
  return comment.slice(0, limit);
}

interface Row {
  readonly name: string;
  readonly was: string;
  readonly is: string;
}

interface FileChange {
  readonly path: string;
  readonly verb: "added" | "changed" | "removed";
  readonly patch: string;
}

interface StackChange {
  readonly stack: string;
  readonly endpoint: string;
  readonly refusal: string | undefined;
  /** The stack was refused before in the same words. */
  readonly sameRefusal: boolean;
  readonly presence: "added" | "removed" | "kept";
  readonly settings: readonly Row[];
  /** What each `auto` came to, changed or not. */
  readonly chosen: readonly Row[];
  /** Undefined where nobody has judged the plan. */
  readonly violations: readonly string[] | undefined;
  /** Of them, those that the change brings. */
  readonly newViolations: readonly string[];
  readonly files: readonly FileChange[];
  readonly inputs: readonly Row[];
  /** Phases that run again on the host. */
  readonly phases: readonly string[];
}

const find = (stacks: readonly PlannedStack[], stack: string) => stacks.find((planned) => planned.stack === stack);

const stackNames = (...sides: readonly (readonly PlannedStack[])[]) =>
  [...new Set(sides.flat().map(({ stack }) => stack))].sort();

function compareStacks(stack: string, before: PlannedStack | undefined, after: PlannedStack | undefined): StackChange {
  return {
    stack,
    endpoint: (after ?? before)?.settings["endpoint"] ?? "–",
    refusal: after?.refusal,
    sameRefusal: after?.refusal !== undefined && after.refusal === before?.refusal,
    presence: before === undefined ? "added" : after === undefined ? "removed" : "kept",
    settings: compareRecords(before?.settings ?? {}, after?.settings ?? {}),
    chosen: pairRecords(before?.chosen ?? {}, after?.chosen ?? {}),
    violations: after?.violations,
    newViolations: newViolations(before, after),
    files: compareFiles(before?.files ?? {}, after?.files ?? {}),
    inputs: compareRecords(flatten(before?.inputs ?? {}), flatten(after?.inputs ?? {})),
    phases: compareRecords(before?.phases ?? {}, after?.phases ?? {}).map(({ name }) => name),
  };
}

const flatten = (inputs: PlannedStack["inputs"]) =>
  Object.fromEntries(
    Object.entries(inputs).flatMap(([step, values]) =>
      Object.entries(values).map(([name, value]): [string, string] => [`${step}: ${name}`, value]),
    ),
  );

type TextRecord = Readonly<Record<string, string>>;

const compareRecords = (before: TextRecord, after: TextRecord): Row[] =>
  pairRecords(before, after).filter(({ was, is }) => was !== is);

function pairRecords(before: TextRecord, after: TextRecord): Row[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.map((name) => ({ name, was: before[name] ?? "–", is: after[name] ?? "–" }));
}

/** Rules that a stack breaks and did not break before. */
export const newViolations = (before: PlannedStack | undefined, after: PlannedStack | undefined): string[] =>
  (after?.violations ?? []).filter((violation) => before?.violations?.includes(violation) !== true);

function compareFiles(before: PlannedStack["files"], after: PlannedStack["files"]): FileChange[] {
  const paths = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return paths.flatMap((path): FileChange[] => {
    const [was, is] = [before[path], after[path]];
    const rights = (file: PlannedStack["files"][string] | undefined) =>
      file ? `${file.mode} ${file.owner}` : "absent";
    if (was?.text === is?.text && rights(was) === rights(is)) return [];
    const patch = createTwoFilesPatch(path, path, was?.text ?? "", is?.text ?? "", rights(was), rights(is), {
      context: 3,
    });
    return [{ path, verb: was === undefined ? "added" : is === undefined ? "removed" : "changed", patch: body(patch) }];
  });
}

/** Without the ruler that the library puts first. */
const body = (patch: string) => patch.slice(patch.indexOf("--- ")).trimEnd();

function overview(changes: readonly StackChange[]): string {
  const rows = changes.map(
    (change) => `| \`${change.stack}\` | ${cell(change.endpoint)} | ${cell(inShort(change))} | ${policies(change)} |`,
  );
  return ["| stack | endpoint | what changes | policies |", "|---|---|---|---|", ...rows, ""].join("\n");
}

function policies({ violations, newViolations }: StackChange): string {
  if (violations === undefined) return "–";
  if (violations.length === 0) return "kept";
  return newViolations.length === 0 ? `${violations.length} broken, as before` : `**${violations.length} broken**`;
}

function inShort(change: StackChange): string {
  if (change.refusal !== undefined)
    return change.sameRefusal ? "cannot be planned, as before" : "**cannot be planned any more**";
  if (change.presence === "removed") return "the stack file is gone; its host stays as it is until `npm run destroy`";
  const verbs = ["added", "changed", "removed"] as const;
  const files = verbs.flatMap((verb) => {
    const count = change.files.filter((file) => file.verb === verb).length;
    return count === 0 ? [] : [`${count} file${count === 1 ? "" : "s"} ${verb}`];
  });
  if (change.phases.length === 0) return "nothing";
  const parts = [
    change.presence === "added" ? "a new stack" : "",
    ...files,
    `runs again: ${change.phases.join(", ")}`,
    pauses(change) ? "**the engine restarts**" : "",
  ];
  return parts.filter((part) => part !== "").join("; ");
}

/** A host that serves already is closed to new requests for a while. */
const pauses = ({ presence, files }: StackChange) =>
  presence === "kept" && restartsEngine(files.map(({ path }) => path));

function details(change: StackChange, diffLines: number): string {
  if (change.refusal !== undefined) return folded(change.stack, fence("text", change.refusal));
  const broken = (change.violations ?? []).length > 0;
  if ((change.phases.length === 0 && !broken) || change.presence === "removed") return "";
  const files = change.files.map(
    ({ path, verb, patch }) => `\`${path}\` ${verb}\n\n${fence("diff", cut(patch, diffLines))}`,
  );
  const scripts =
    change.phases.length > 0 && change.files.length + change.inputs.length === 0
      ? "Only the scripts that run on the host change.\n"
      : "";
  const sections = [
    pauses(change) ? `${RESTART_NOTICE}\n` : "",
    broken
      ? `Broken policies, for which \`up\` refuses the stack:\n\n${fence("text", change.violations!.join("\n\n"))}`
      : "",
    table("Settings", change.settings),
    table("`auto` has become", change.chosen),
    table("Inputs of steps", change.inputs),
    scripts,
    ...files,
  ];
  return folded(change.stack, sections.filter((section) => section !== "").join("\n"));
}

const folded = (stack: string, text: string) =>
  `<details><summary><code>${stack}</code></summary>\n\n${text}\n</details>\n`;

function table(title: string, rows: readonly Row[]): string {
  if (rows.length === 0) return "";
  const lines = rows.map(({ name, was, is }) => `| ${cell(name)} | ${cell(was)} | ${cell(is)} |`);
  return [`| ${title} | before | after |`, "|---|---|---|", ...lines, ""].join("\n");
}

/** A pipe or a line break would end the cell; an angle bracket would begin a tag. */
const cell = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("|", "\\|").replaceAll("\n", "<br>");

function cut(patch: string, lines: number): string {
  const all = patch.split("\n");
  return all.length <= lines ? patch : [...all.slice(0, lines), `(${all.length - lines} more lines)`].join("\n");
}

/** A text with back quotes in it needs a longer fence. */
function fence(language: string, text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const quotes = "`".repeat(longest + 1);
  return `${quotes}${language}\n${text}\n${quotes}\n`;
}
