import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { COMMENT_MARK } from "../../plan/review/comment";

/** What the workflows' own scripts do on GitHub, which is a fake here: comments and issues in memory. */

interface Entry {
  readonly id: number;
  readonly number: number;
  title: string;
  body: string;
  state: string;
  readonly user: { readonly type: string };
}

class FakeGitHub {
  readonly comments: Entry[] = [];
  readonly issues: Entry[] = [];
  readonly said: string[] = [];

  constructor(private readonly headOfPull = "head") {}

  add(list: Entry[], { title = "", body = "" }: { title?: string; body?: string }, type = "Bot"): Entry {
    const entry = { id: list.length + 1, number: list.length + 1, title, body, state: "open", user: { type } };
    list.push(entry);
    return entry;
  }

  readonly paginate = async (list: () => Promise<{ data: unknown }>) => (await list()).data;
  readonly rest = {
    pulls: { get: () => Promise.resolve({ data: { head: { sha: this.headOfPull } } }) },
    issues: {
      listComments: () => Promise.resolve({ data: this.comments }),
      createComment: (made: { body: string }) => Promise.resolve(this.add(this.comments, made)),
      updateComment: ({ comment_id, body }: { comment_id: number; body: string }) =>
        Promise.resolve(Object.assign(this.comments[comment_id - 1]!, { body })),
      listForRepo: () => Promise.resolve({ data: this.issues.filter(({ state }) => state === "open") }),
      create: (made: { title: string; body: string }) => Promise.resolve(this.add(this.issues, made)),
      update: ({ issue_number, ...changes }: { issue_number: number }) =>
        Promise.resolve(Object.assign(this.issues[issue_number - 1]!, changes)),
    },
  };

  /** Runs the script of a workflow's only step of that kind, with the files that the steps before have left. */
  async run(workflow: string, files: Readonly<Record<string, string>>, env: Readonly<Record<string, string>> = {}) {
    const text = readFileSync(join(__dirname, "..", "..", ".github", "workflows", workflow), "utf8");
    const { jobs } = parse(text) as { jobs: Record<string, { steps: { with?: { script?: string } }[] }> };
    const script = Object.values(jobs)
      .flatMap(({ steps }) => steps)
      .find((step) => step.with?.script !== undefined)!.with!.script!;
    const say = (text: string) => this.said.push(text);
    const scope = {
      github: this,
      core: { notice: say, setFailed: say },
      context: { repo: { owner: "o", repo: "r" }, payload: { workflow_run: { head_sha: "head" } } },
      process: { env },
      require: () => ({ readFileSync: (path: string) => files[path] }),
    };
    // The action runs a script in the same way: as the body of an asynchronous function.
    // eslint-disable-next-line @typescript-eslint/no-implied-eval
    const body = new Function(...Object.keys(scope), `return (async () => { ${script} })()`) as (
      ...values: unknown[]
    ) => Promise<void>;
    await body(...Object.values(scope));
    return this;
  }
}

const comment = (text: string) => ({ "review/number": "7\n", "review/comment.md": `${COMMENT_MARK}\n${text}` });

test("a pull request has one comment, which later runs update (a fake GitHub)", async () => {
  const github = new FakeGitHub();
  github.add(github.comments, { body: `${COMMENT_MARK}\nquoted by a person` }, "User");
  await github.run("comment.yml", comment("first"));
  await github.run("comment.yml", comment("second"));
  expect(github.comments.map(({ body }) => body.split("\n").at(-1))).toEqual(["quoted by a person", "second"]);
});

test("a run for a commit that the pull request has left behind posts nothing (a fake GitHub)", async () => {
  const github = await new FakeGitHub("a later head").run("comment.yml", comment("late"));
  expect(github.comments).toEqual([]);
  expect(github.said).toEqual(["The pull request has moved on."]);
});

test("what does not begin like the comment is not posted (a fake GitHub)", async () => {
  const github = await new FakeGitHub().run("comment.yml", { "review/number": "7", "review/comment.md": "Buy now" });
  expect(github.comments).toEqual([]);
  expect(github.said).toEqual(["This is not the comment that a preview writes."]);
});

test("drift opens one issue, keeps it up to date and closes it when all is well (a fake GitHub)", async () => {
  const github = new FakeGitHub();
  const night = (code: string, found: string) =>
    github.run("drift.yml", { "reports/drift.txt": found }, { CODE: code, STACK: "prod" });
  await night("0", "as deployed");
  expect(github.issues).toEqual([]);
  await night("7", "nginx stopped");
  await night("7", "nginx stopped, ollama too");
  expect(github.issues).toMatchObject([{ state: "open", body: "```\nnginx stopped, ollama too\n```\n" }]);
  await night("0", "as deployed");
  expect(github.issues).toMatchObject([{ state: "closed" }]);
  await night("7", "again");
  expect(github.issues.map(({ state }) => state)).toEqual(["closed", "open"]);
});
