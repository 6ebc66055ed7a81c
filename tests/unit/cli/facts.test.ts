import { existsSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { parseFactsFile } from "../../../plan/host-facts";
import { Clone } from "../../harness/clone";
import { startSshServer, type SshServer } from "../toolchain/stand-ins/ssh-server";

// The host is this machine itself, reached over SSH: what is measured is real.
describe.skipIf(process.platform !== "linux")("npm run facts", () => {
  let clone: Clone;
  let server: SshServer;

  beforeAll(async () => {
    clone = await Clone.make();
    server = await startSshServer();
    const { host, port, user, privateKey, hostKey } = server.connection;
    writeFileSync(clone.path("own.key"), privateKey, { mode: 0o600 });
    const model = { name: "kanana", source: "hf.co/Mungert/kanana-1.5-8b-instruct-2505-GGUF:IQ4_XS", context: "auto" };
    clone.configure(
      {
        target: { kind: "ssh", host, port, user, hostKey, privateKeyFile: clone.path("own.key") },
        models: [model],
        access: { allow: ["198.51.100.0/24"] },
      },
      "own",
    );
  });

  afterAll(async () => {
    server.close();
    await clone.remove();
  });

  test("a stack whose sandbox was never made is told what makes it, without a stack trace", async () => {
    const { exitCode, output } = await clone.run(["facts", "dev"]);
    expect([exitCode, output]).toEqual([
      4,
      expect.stringContaining("way out: npm run up -- dev; or source <(npm run -s env -- dev)"),
    ]);
    expect(output).not.toMatch(/^ +at /m);
  });

  test("before there is a facts file, models says how to get one", async () => {
    const { exitCode, output } = await clone.run(["models", "own"]);
    expect([exitCode, output]).toEqual([0, expect.stringContaining("npm run facts -- own measures the host")]);
  });

  test("measures the host and writes the facts file, on a machine where nothing was prepared", async () => {
    const { stdout, output } = await clone.run(["facts", "own"]);
    expect(output).toContain("facts.own.yaml written: review and commit it.");
    const facts = parseFactsFile(clone.read("facts.own.yaml"), "own");
    expect(JSON.parse(stdout)).toMatchObject({ architecture: facts.architecture, cpu: { count: facts.processors } });
    expect(existsSync(clone.path(".tms-llm"))).toBe(false);
  });

  test("a second measurement gives the same file", async () => {
    const before = clone.read("facts.own.yaml");
    expect((await clone.run(["facts", "own"])).output).toContain("facts.own.yaml is as the host is.");
    expect(clone.read("facts.own.yaml")).toBe(before);
  });

  test("says what changed since, and mends the file", async () => {
    const before = clone.read("facts.own.yaml");
    writeFileSync(clone.path("facts.own.yaml"), before.replace(/^processors: .*$/m, "processors: 4096"));
    const { processors } = parse(before) as { processors: number };
    expect((await clone.run(["facts", "own"])).output).toContain(`  processors: 4096 → ${processors}`);
    expect(clone.read("facts.own.yaml")).toBe(before);
  });

  test("a file that cannot be read is refused by the verbs that plan, and written anew", async () => {
    const before = clone.read("facts.own.yaml");
    writeFileSync(clone.path("facts.own.yaml"), "schema: tms-llm/facts/v0\n");
    expect(await clone.run(["models", "own"])).toMatchObject({
      exitCode: 4,
      output: expect.stringContaining("facts.own.yaml cannot be used. No host was touched.") as string,
    });
    await clone.run(["facts", "own"]);
    expect(clone.read("facts.own.yaml")).toBe(before);
  });

  test("npm run models then shows what fits into that host", async () => {
    expect((await clone.run(["models", "own"])).output).toContain("by facts.own.yaml");
  });

  test("before it prepares anything, up measures a host whose engine in Python has packages by the host", async () => {
    rmSync(clone.path("facts.own.yaml"));
    const model = { name: "m", source: "folder:/srv/m", sha256: "a".repeat(64), context: "8k" };
    clone.configure({ engine: { kind: "vllm" }, models: [model] }, "own");
    const program =
      'import("./cli/facts").then(async (m) => m.ensureFacts("own", (await import("./cli/project")).readConfig("own")))';
    const { output } = await clone.shell(`node_modules/.bin/tsx -e '${program}'`);
    expect(output).toContain(
      "Which packages the engine takes depends on the host: measuring 127.0.0.1 for facts.own.yaml.",
    );
    expect(parseFactsFile(clone.read("facts.own.yaml"), "own").glibc).not.toBe(undefined);
  });
});
