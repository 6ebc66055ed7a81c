import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { execa, execaSync } from "execa";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { COMMENT_MARK } from "../../plan/review/comment";

const ROOT = join(__dirname, "..", "..");
const FOLDER = join(ROOT, ".github", "workflows");
const missing = (program: string) => execaSync(program, ["--version"], { reject: false }).failed;

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: { readonly script?: string };
}

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, { readonly steps: readonly Step[] }>>;
}

const names = readdirSync(FOLDER);
const text = (name: string) => readFileSync(join(FOLDER, name), "utf8");
const workflow = (name: string) => parse(text(name)) as Workflow;
const steps = (name: string) => Object.values(workflow(name).jobs).flatMap((job) => job.steps);

describe.each(names)("the workflow %s", (name) => {
  test("takes every action by its digest, with the version beside it", () => {
    const used = steps(name).flatMap(({ uses }) => uses ?? []);
    expect(used.filter((action) => !/@[0-9a-f]{40}$/.test(action))).toEqual([]);
    for (const action of used) expect(text(name)).toMatch(new RegExp(`${action} # v\\d+\\.\\d+\\.\\d+`));
  });

  test("may write nothing unless a job says so", () => {
    expect(Object.values(workflow(name).permissions).filter((right) => right !== "read")).toEqual([]);
  });

  test("puts nothing that a stranger wrote into a script", () => {
    // Values go through the environment, where they are data.
    for (const { run = "" } of steps(name)) expect(run).not.toContain("${{");
  });
});

describe("a stranger's pull request", () => {
  test("is planned without secrets, and commented on by a workflow that runs nothing of it", () => {
    expect(text("preview.yml")).not.toContain("secrets.");
    expect(text("comment.yml")).not.toMatch(/checkout|npm |secrets\./);
  });

  test("has the example previewed by Pulumi itself, without secrets", () => {
    expect(steps("check.yml").map(({ run }) => run)).toContain("npm run preview -- prod");
    expect(text("check.yml")).not.toContain("secrets.");
  });

  test("has its one comment found by the line that the comment begins with", () => {
    expect(text("comment.yml")).toContain(`"${COMMENT_MARK}"`);
  });
});

describe.skipIf(missing("actionlint"))("actionlint (needs actionlint)", () => {
  test("finds nothing", async () => {
    await expect(execa("actionlint", [], { cwd: ROOT })).resolves.toMatchObject({ stdout: "" });
  });
});

describe.skipIf(missing("zizmor"))("zizmor (needs zizmor: pip install zizmor)", () => {
  test("finds nothing", async () => {
    const { exitCode, stdout } = await execa("zizmor", ["--offline", "--persona=pedantic", FOLDER], {
      cwd: ROOT,
      reject: false,
    });
    expect(exitCode, stdout).toBe(0);
  });
});
