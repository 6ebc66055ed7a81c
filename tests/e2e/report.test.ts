import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { checkReport } from "../../plan/preflight/report";
import { smokeReportSchema } from "../../smoke/report-json";
import { Clone, DOCKER_MISSING, PATIENT, type Run } from "../harness/clone";
import { ONE_ATTEMPT } from "../harness/one-attempt";
import { differences, takeSnapshot } from "../harness/snapshot";

/** What an operator sends of a deployment: made before it, with it and when its host is down. Each test goes on where the last stopped. */
describe.skipIf(DOCKER_MISSING)("the report on a deployment (needs Docker)", () => {
  const CANARY = "the marmalade canary of chapter seventeen";
  const KOREAN_CANARY = "비밀 카나리아에게 물어보는 질문";
  const WRONG_KEY = "aWrongKey000000000000000000000000000000000";

  let clone: Clone;
  let folder: string;

  const report = (...args: string[]) => clone.run(["report", "dev", ...args]);
  const logs = () =>
    clone
      .host()
      .shell("journalctl --no-pager --all; cat /var/log/nginx/tms-llm.error.log /opt/llm/logs/* 2>/dev/null || :");

  /** The archive that a run has written, unpacked: path below its folder → content. */
  const unpacked = async ({ output }: Run): Promise<Map<string, Buffer>> => {
    const [, archive] = /^Written: (\S+),/m.exec(output) ?? [];
    rmSync(folder, { recursive: true, force: true });
    folder = mkdtempSync(join(tmpdir(), "tms-llm-report-"));
    await execa("tar", ["xzf", clone.path(archive!), "-C", folder]);
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    return new Map(
      files.map(({ parentPath, name }) => {
        const path = join(parentPath, name);
        return [path.slice(folder.length + 1).replace(/^[^/]+\//, ""), readFileSync(path)];
      }),
    );
  };
  const text = (files: Map<string, Buffer>, path: string) => files.get(path)?.toString("utf8") ?? "";

  /** Every secret of the stack, by what it is. */
  const secrets = async (): Promise<Record<string, string>> => {
    const body = (pem: string) =>
      pem
        .split("\n")
        .filter((line) => line.length > 20 && !line.startsWith("-----"))
        .map((line, at) => [String(at), line]);
    const pems = {
      "SSH key": clone.read(".tms-llm/dev/id_ed25519"),
      "host key": clone.read(".tms-llm/dev/ssh_host_ed25519_key"),
      "CA's key": await clone.host().shell("cat /etc/tms-llm/tls/ca.key"),
      "gateway's key": await clone.host().shell("cat /etc/tms-llm/tls/server.key"),
    };
    return {
      "key of tms": clone.read(".tms-llm/dev/tms.key").trim(),
      "key of rag": clone.read(".tms-llm/dev/rag.key").trim(),
      passphrase: clone.read(".tms-llm/passphrase").trim(),
      ...Object.fromEntries(
        Object.entries(pems).flatMap(([name, pem]) => body(pem).map(([at, line]) => [`${name}, line ${at!}`, line!])),
      ),
    };
  };
  /** How a secret may be written, and what of that is the secret's alone. */
  const spelled = (secret: string): Record<string, readonly [written: string, own: string]> => {
    const base64 = (text: string) => Buffer.from(text).toString("base64");
    const [url, hex] = [encodeURIComponent(secret), Buffer.from(secret).toString("hex")];
    return {
      "as it is": [secret, secret],
      "in base64": [base64(secret), base64(secret).slice(0, -4)],
      "in base64 behind a word": [base64(`key:${secret}`), base64(`key:${secret}`).slice(8, -4)],
      "for a URL": [url, url],
      "in hexadecimal": [hex, hex],
    };
  };

  const ask = async (key: string, content: string) => {
    const url = `https://127.0.0.1:${clone.sandbox()!.gatewayPort}/v1/chat/completions`;
    const body = { model: "tiny", max_tokens: 8, messages: [{ role: "user", content }] };
    const { stdout } = await execa(
      "curl",
      [
        ...["--silent", "--cacert", clone.path(".tms-llm/dev/ca.pem"), "--output", "/dev/null"],
        ...["--write-out", "%{http_code}", "--config", "-", "--data", JSON.stringify(body), url],
      ],
      { input: `header = "Authorization: Bearer ${key}"\nheader = "Content-Type: application/json"\n` },
    );
    return stdout;
  };

  beforeAll(async () => {
    clone = await Clone.make();
    folder = mkdtempSync(join(tmpdir(), "tms-llm-report-"));
    clone.configure({ ...PATIENT, clients: { tms: { a: 1 }, rag: { a: 1 } } });
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await clone.remove();
  });
  beforeEach(({ onTestFailed }) => {
    onTestFailed(() => console.error(clone.console.slice(-6000)));
  });

  it("is made before any deployment, and says why the host is not in it", async () => {
    const run = await report("--yes");
    expect(run.exitCode, run.output).toBe(0);
    const files = await unpacked(run);
    const manifest = JSON.parse(text(files, "manifest.json")) as { schema: string; missing: Record<string, string> };
    expect(manifest.schema).toBe("tms-llm/report/v1");
    expect(Object.keys(manifest.missing)).toContain("host/");
    expect(manifest.missing["pulumi-state.json"]).toMatch(/^nothing of dev is deployed by Pulumi's state/);
    expect(text(files, "errors.txt")).toMatch(/^host\/: /m);
    expect(text(files, "stack/Pulumi.dev.yaml")).toContain("kind: sandbox");
    expect(JSON.parse(text(files, "machine.json"))).toHaveProperty("toolchain");
  });

  it("has every secret and every prompt to find: logs that hold them", async () => {
    const up = await clone.run(["up"]);
    expect(up.exitCode, up.output).toBe(0);
    // As somebody does who looks for a fault: then Ollama logs every prompt.
    await clone.host().shell(`set -e
      mkdir -p /etc/systemd/system/tms-ollama.service.d
      printf '[Service]\\nEnvironment=OLLAMA_DEBUG=2\\n' >/etc/systemd/system/tms-ollama.service.d/talk.conf
      systemctl daemon-reload; systemctl restart tms-ollama`);
    const key = clone.read(".tms-llm/dev/tms.key").trim();
    await expect.poll(() => ask(key, CANARY), { timeout: 60_000, interval: 500 }).toBe("200");
    expect(await ask(key, KOREAN_CANARY)).toBe("200");
    expect(await ask(WRONG_KEY, CANARY)).toBe("401");
    // As a careless program does.
    const lines = Object.values(await secrets()).flatMap((secret) =>
      Object.values(spelled(secret)).map(([written]) => written),
    );
    const careless = [...lines, `Authorization: Bearer ${WRONG_KEY}`].map((line) => `it failed with ${line} again`);
    await clone.host().shell("logger -t tms-llm", careless.join("\n"));
    const found = await logs();
    for (const wanted of [CANARY, KOREAN_CANARY, WRONG_KEY, ...lines]) expect(found).toContain(wanted);
  });

  let files: Map<string, Buffer>;

  it("is written for its owner alone, and changes nothing on the host", ONE_ATTEMPT, async () => {
    const before = await takeSnapshot(clone.host());
    const run = await report("--yes");
    expect(run.exitCode, run.output).toBe(0);
    expect(differences(before, await takeSnapshot(clone.host()), "identical")).toEqual([]);
    expect(run.output).toMatch(/^Report on dev: \d+ files, [\d.]+ KiB before they are packed\.$/m);
    const [, archive] = /^Written: (reports\/dev-\d{8}T\d{6}Z\.tar\.gz), for its owner alone\./m.exec(run.output)!;
    expect(statSync(clone.path(archive!)).mode & 0o777).toBe(0o600);
    files = await unpacked(run);
    const listed = [...run.output.matchAll(/^ +[\d.]+ KiB {2}(\S+)/gm)].map(([, path]) => path);
    expect(listed.sort()).toEqual([...files.keys()].sort());
  });

  it("holds what a maintainer asks for first", () => {
    expect([...files.keys()].sort()).toMatchInlineSnapshot(`
      [
        "errors.txt",
        "host/deployment.txt",
        "host/drift.json",
        "host/drift.jsonl",
        "host/facts.json",
        "host/logs/engine.txt",
        "host/logs/kernel.txt",
        "host/logs/nginx-answers.txt",
        "host/logs/nginx-error.txt",
        "host/logs/phases.txt",
        "host/logs/units.txt",
        "host/network.txt",
        "host/preflight.txt",
        "host/system.txt",
        "host/unit-files.txt",
        "host/unit-properties.txt",
        "host/units.txt",
        "host/versions.txt",
        "machine.json",
        "manifest.json",
        "plan.json",
        "pulumi-state.json",
        "smoke.json",
        "stack/Pulumi.dev.yaml",
        "stack/deployments.json",
      ]
    `);
    expect(checkReport(JSON.parse(text(files, "host/facts.json"))).cpu.count).toBeGreaterThan(0);
    expect(JSON.parse(text(files, "host/drift.json"))).toMatchObject({ schema: "tms-llm/drift/v1" });
    expect(smokeReportSchema.parse(JSON.parse(text(files, "smoke.json"))).verdict).toBe("pass");
    expect(text(files, "host/units.txt")).toContain("tms-ollama.service");
    expect(JSON.parse(text(files, "plan.json"))).toHaveProperty(
      "endpoint",
      `https://127.0.0.1:${clone.sandbox()!.gatewayPort}`,
    );
    expect(text(files, "host/unit-files.txt")).toContain("OLLAMA_DEBUG=2");
    expect(text(files, "host/logs/phases.txt")).toContain("phase gateway");
    expect(text(files, "host/logs/engine.txt")).toContain("POST");
    expect(text(files, "host/deployment.txt")).toContain("ledger");
    expect(text(files, "host/logs/nginx-answers.txt")).toMatch(/, 401, \d+$/m);
  });

  it("holds no secret of the stack in any spelling, no prompt, and no key that somebody tried", async () => {
    const found = [];
    for (const [name, secret] of Object.entries(await secrets()))
      for (const [spelling, [, own]] of Object.entries(spelled(secret)))
        for (const [path, content] of files) if (content.includes(own)) found.push(`${name}, ${spelling}: ${path}`);
    for (const words of [CANARY, "marmalade", KOREAN_CANARY, "카나리아", WRONG_KEY])
      for (const [path, content] of files) if (content.includes(words)) found.push(`${words}: ${path}`);
    expect(found).toEqual([]);
  });

  it("names the sandbox's addresses by numbers unless it is asked to show them", async () => {
    const { address4 } = clone.sandbox()!;
    const all = [...files.values()].map(String).join("\n");
    expect(all).not.toContain(address4);
    expect(all).toContain("address-1");
    const run = await report("--yes", "--with-addresses", "--out", "open.tar.gz");
    expect([...(await unpacked(run)).values()].map(String).join("\n")).toContain(address4);
  });

  it("is not written where nobody is there to consent, or somebody says no", async () => {
    const alone = await report();
    expect(alone.output).toContain("nobody is here to look at the list and consent");
    expect(alone.exitCode).toBe(4);
    const asked = clone.startInTerminal(["report", "dev", "--out", "never.tar.gz"]);
    await asked.says("Write this to never.tar.gz? [y/N]");
    asked.type("n\r");
    const { exitCode, output } = await asked.done;
    expect(output).toContain("Nothing was written");
    expect(exitCode).toBe(1);
    expect(readdirSync(clone.folder)).not.toContain("never.tar.gz");
  });

  it("is made of this side where the host is down, with the proof that it is", async () => {
    await execa("docker", ["stop", clone.host().name]);
    const run = await report("--yes");
    expect(run.exitCode, run.output).toBe(0);
    const down = await unpacked(run);
    expect(text(down, "errors.txt")).toMatch(/^host\/: root@\S+ cannot be reached: /m);
    expect(smokeReportSchema.parse(JSON.parse(text(down, "smoke.json"))).verdict).toMatch(/^(fail|error)$/);
    expect(JSON.parse(text(down, "plan.json"))).toHaveProperty("steps.gateway");
    expect(text(down, "pulumi-state.json")).toContain("host-anchor");
  });
});
