import { cpSync } from "node:fs";
import { join } from "node:path";
import { execa, execaSync } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Clone } from "../harness/clone";

/** A namespace with no route to anywhere, for an ordinary user too. */
const NO_NETWORK = ["--map-root-user", "--net"];
const NAMESPACES_MISSING = execaSync("unshare", [...NO_NETWORK, "true"], { reject: false }).failed;

const GOLDEN = join(__dirname, "..", "golden");
const OWN_HOST = {
  kind: "ssh",
  host: "203.0.113.10",
  hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
};
const kanana = (quantization: string) => ({
  name: "kanana-1.5-8b",
  source: `hf.co/Mungert/kanana-1.5-8b-instruct-2505-GGUF:${quantization}`,
  sha256: "a".repeat(64),
  context: "auto",
});

describe("npm run preview:pr", () => {
  let clone: Clone;
  const git = (...args: string[]) =>
    execa("git", ["-c", "user.name=Reviewer", "-c", "user.email=reviewer@example.org", ...args], { cwd: clone.folder });

  beforeAll(async () => {
    clone = await Clone.make();
    // A GPU host whose facts file says what `auto` becomes, a stack that breaks a policy, and one that is not written yet.
    const gpu = {
      target: OWN_HOST,
      access: { allow: ["198.51.100.0/24"] },
      engine: { kind: "ollama", parallel: "auto" },
    };
    clone.configure({ ...gpu, models: [kanana("Q4_K_M")] }, "gpu");
    cpSync(join(GOLDEN, "auto-l4", "facts.yaml"), clone.path("facts.gpu.yaml"));
    clone.configure(
      { ...gpu, engine: { kind: "ollama" }, models: [{ name: "qwen3", source: "ollama:qwen3:8b" }] },
      "loose",
    );
    const unwritten = { target: { ...OWN_HOST, hostKey: "ssh-ed25519 <paste the key here>" } };
    clone.configure(
      { ...gpu, ...unwritten, models: [{ ...kanana("Q4_K_M"), sha256: "<paste it here>" }] },
      "unwritten",
    );
    await git("init", "--quiet", "--initial-branch=main");
    await git("add", "--all");
    await git("commit", "--quiet", "--message=Before");
    await git("switch", "--quiet", "--create=change");
    clone.configure({ clients: { tms: { a: 1 }, rag: { a: 1 } } });
    clone.configure({ models: [kanana("Q8_0")] }, "gpu");
    await git("commit", "--quiet", "--all", "--message=Let the search application in");
  });
  afterAll(() => clone.remove());

  test("tells what the branch does to each stack, and leaves no checkout behind", async () => {
    const { exitCode, stdout, output } = await clone.run(["preview:pr", "--base", "main"]);
    expect(exitCode, output).toBe(0);
    expect(stdout).toContain(
      "| `dev` | a sandbox on the machine that deploys it | 1 file changed; runs again: gateway | kept |",
    );
    expect(stdout).toContain("| client rag | – | key generations a:1 |");
    expect(stdout).toMatch(/^\+.*\{\{secret:client\/rag\/a\}\}/m);
    expect((await git("worktree", "list")).stdout.split("\n")).toHaveLength(1);
  });

  test.skipIf(NAMESPACES_MISSING)(
    "is the reviewed comment, word for word, without network or state (needs unprivileged network namespaces)",
    async () => {
      const program = ["node", "toolchain/start.mjs", "preview:pr", "--base", "main"];
      const { stdout } = await execa("unshare", [...NO_NETWORK, ...program], { cwd: clone.folder });
      await expect(stdout).toMatchFileSnapshot("preview-pr.comment.md");
    },
  );

  test("fails where the change breaks a policy, and names it", async () => {
    clone.configure({ models: [{ ...kanana("Q8_0"), sha256: undefined }] }, "gpu");
    const { exitCode, stdout } = await clone.run(["preview:pr", "--base", "main"]);
    expect(exitCode).toBe(4);
    expect(stdout).toContain("| **1 broken** |");
    expect(stdout).toContain("(pinned-artifacts)");
  });

  test("says which stack cannot be planned any more, and fails", async () => {
    clone.configure({ clients: {} });
    const { exitCode, stdout } = await clone.run(["preview:pr", "--base", "main"]);
    expect(exitCode).toBe(4);
    expect(stdout).toContain("| `dev` | – | **cannot be planned any more** | – |");
    expect(stdout).toContain("tms-llm:clients");
  });

  test("asks for a base where git knows none", async () => {
    const { exitCode, output } = await clone.run(["preview:pr", "--base", "no-such-branch"]);
    expect(exitCode).toBe(4);
    expect(output).toContain("there is nothing to compare with");
  });
});
