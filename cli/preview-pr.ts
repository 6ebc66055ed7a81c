import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { newViolations, renderComment } from "../plan/review/comment";
import { type PlannedStack, plannedStacksSchema } from "../plan/review/planned-stack";
import { loadExeca } from "../toolchain/execa";
import { CommandFailure, EXIT, UsageError, type ExitCode } from "./failure";
import { PROJECT } from "./project";
import { writeReport } from "./report-file";

export interface PreviewPrOptions {
  /** What the change is to be merged into; its merge base with HEAD is what is compared with. */
  readonly base?: string;
  readonly out?: string;
  /** File for the comment in its full length. */
  readonly uncut?: string;
  /** Where readers find that file, for the note of a comment that had to be cut. */
  readonly whole?: string;
}

/** Where a change usually goes. */
const USUAL_BASES = ["origin/main", "main"];

const PLANNER = join("cli", "planned-stacks.ts");

const lockFileSchema = z.object({
  packages: z.record(
    z.string(),
    z.object({ version: z.string().optional(), integrity: z.string().optional(), dev: z.boolean().optional() }),
  ),
});

/** Prints what this checkout does to the hosts, against the merge base, as the comment on its pull request. Contacts nothing. */
export async function previewPr({ base, out, uncut, whole }: PreviewPrOptions): Promise<ExitCode> {
  const before = await plannedAt(await mergeBase(base));
  const after = await planned(PROJECT, PROJECT);
  const comment = renderComment(before, after, whole ?? uncut ?? "npm run preview:pr -- --uncut FILE");
  if (uncut !== undefined) writeReport(uncut, renderComment(before, after, "", Number.POSITIVE_INFINITY));
  if (out === undefined) console.log(comment);
  else writeReport(out, comment);
  const worse = after.some((one) => {
    const former = before.find(({ stack }) => stack === one.stack);
    return (one.refusal !== undefined && former?.refusal !== one.refusal) || newViolations(former, one).length > 0;
  });
  return worse ? EXIT.usage : EXIT.good;
}

async function git(...args: string[]): Promise<{ failed: boolean; stdout: string; stderr: string }> {
  const execa = await loadExeca();
  const { exitCode, stdout, stderr } = await execa("git", args, { cwd: PROJECT, reject: false });
  return { failed: exitCode !== 0, stdout: stdout.trim(), stderr: stderr.trim() };
}

async function mergeBase(base: string | undefined): Promise<string> {
  for (const name of base === undefined ? USUAL_BASES : [base]) {
    const found = await git("merge-base", "HEAD", name);
    if (!found.failed) return found.stdout;
  }
  throw new UsageError(
    `there is nothing to compare with: git knows no common ancestor of HEAD and ${base ?? USUAL_BASES.join(" or ")}`,
    "name another with --base; in a shallow clone, git fetch --unshallow first",
  );
}

/** What the stack files came to at a revision, by that revision's own code. */
async function plannedAt(revision: string): Promise<PlannedStack[]> {
  const folder = mkdtempSync(join(tmpdir(), "tms-llm-base-"));
  const tree = join(folder, "tree");
  try {
    const added = await git("worktree", "add", "--detach", tree, revision);
    if (added.failed) throw new UsageError(`${revision} could not be checked out: ${added.stderr}`, "check the clone");
    // A revision that is older than this verb is planned by today's code.
    if (!existsSync(join(tree, PLANNER))) return await planned(PROJECT, tree);
    await providePackages(tree);
    return await planned(tree, tree);
  } finally {
    await git("worktree", "remove", "--force", tree);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** This checkout's packages serve a revision that locks the same ones; another gets its own. */
async function providePackages(tree: string): Promise<void> {
  if (lockedPackages(tree) === lockedPackages(PROJECT)) {
    symlinkSync(join(PROJECT, "node_modules"), join(tree, "node_modules"));
    return;
  }
  console.error("The merge base locks other packages than this checkout: installing them beside it.");
  const execa = await loadExeca();
  const args = [
    "install",
    "--no-save",
    "--omit=dev",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
  ];
  const { exitCode, stderr } = await execa("npm", args, { cwd: tree, reject: false });
  if (exitCode !== 0)
    throw new CommandFailure(
      `the packages of the merge base could not be installed: ${stderr.trim()}`,
      "see that the package registry is reachable (npm ping); without it, only changes that lock the same packages can be compared",
      EXIT.internal,
    );
}

/** What a checkout runs with; packages for its development have no say in a plan. */
function lockedPackages(folder: string): string {
  const { packages } = lockFileSchema.parse(JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8")));
  const own = Object.entries(packages).filter(([path, { dev }]) => path !== "" && dev !== true);
  return JSON.stringify(own.map(([path, { version, integrity }]) => [path, version, integrity]));
}

async function planned(code: string, stacks: string): Promise<PlannedStack[]> {
  const execa = await loadExeca();
  const { exitCode, stdout, stderr } = await execa(process.execPath, ["--import", "tsx", join(code, PLANNER), stacks], {
    cwd: code,
    reject: false,
  });
  if (exitCode !== 0)
    throw new CommandFailure(
      `${code === PROJECT ? "this checkout" : "the merge base"} cannot plan its stacks: ${stderr.trim()}`,
      "npm run check; the fault is in the code, not in a stack file",
      EXIT.internal,
    );
  return plannedStacksSchema.parse(JSON.parse(stdout)).stacks;
}
