import { execa, execaSync } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Clone } from "../harness/clone";

/** A namespace with no route to anywhere, for an ordinary user too. */
const NO_NETWORK = ["--map-root-user", "--net"];
const NAMESPACES_MISSING = execaSync("unshare", [...NO_NETWORK, "true"], { reject: false }).failed;

describe("npm run preview:pr", () => {
  let clone: Clone;
  const git = (...args: string[]) =>
    execa("git", ["-c", "user.name=Reviewer", "-c", "user.email=reviewer@example.org", ...args], { cwd: clone.folder });

  beforeAll(async () => {
    clone = await Clone.make();
    await git("init", "--quiet", "--initial-branch=main");
    await git("add", "--all");
    await git("commit", "--quiet", "--message=Before");
    await git("switch", "--quiet", "--create=change");
    clone.configure({ clients: { tms: { a: 1 }, rag: { a: 1 } } });
    await git("commit", "--quiet", "--all", "--message=Let the search application in");
  });
  afterAll(() => clone.remove());

  test("tells what the branch does to each stack, and leaves no checkout behind", async () => {
    const { exitCode, stdout, output } = await clone.run(["preview:pr", "--base", "main"]);
    expect(exitCode, output).toBe(0);
    expect(stdout).toContain(
      "| `dev` | a sandbox on the machine that deploys it | 1 file changed; runs again: gateway |",
    );
    expect(stdout).toContain("| client rag | – | key generations a:1 |");
    expect(stdout).toMatch(/^\+.*\{\{secret:client\/rag\/a\}\}/m);
    expect((await git("worktree", "list")).stdout.split("\n")).toHaveLength(1);
  });

  test.skipIf(NAMESPACES_MISSING)("needs no network and no state (needs unprivileged network namespaces)", async () => {
    const { stdout } = await execa(
      "unshare",
      [...NO_NETWORK, "node", "toolchain/start.mjs", "preview:pr", "--base", "main"],
      {
        cwd: clone.folder,
      },
    );
    expect(stdout).toContain("| client rag | – | key generations a:1 |");
  });

  test("says which stack cannot be planned any more, and fails", async () => {
    clone.configure({ clients: {} });
    const { exitCode, stdout } = await clone.run(["preview:pr", "--base", "main"]);
    expect(exitCode).toBe(4);
    expect(stdout).toContain("| `dev` | – | **cannot be planned any more** |");
    expect(stdout).toContain("tms-llm:clients");
  });

  test("asks for a base where git knows none", async () => {
    const { exitCode, output } = await clone.run(["preview:pr", "--base", "no-such-branch"]);
    expect(exitCode).toBe(4);
    expect(output).toContain("there is nothing to compare with");
  });
});
