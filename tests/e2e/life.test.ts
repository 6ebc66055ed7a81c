import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Clone, DOCKER_MISSING, PATIENT } from "../harness/clone";
import { ProcessSampler } from "../harness/process-sampler";
import { differences, takeSnapshot } from "../harness/snapshot";
import { ONE_ATTEMPT } from "../harness/one-attempt";

/** One deployment from its first `up` to its `destroy`; each test goes on where the one before stopped. */
describe.skipIf(DOCKER_MISSING)("the life of a sandbox deployment", () => {
  let clone: Clone;
  let sandboxId = "";
  /** The line that `up` prints for streaming an answer. */
  let curlLine = "";
  let sampler: ProcessSampler;

  const inHost = async (...command: string[]) =>
    (await execa("docker", ["exec", `tms-llm-${sandboxId}`, ...command])).stdout;
  const key = (client: string) => clone.read(".tms-llm", "dev", `${client}.key`).trim();
  const secrets = () => [
    key("tms"),
    clone.read(".tms-llm", "dev", "id_ed25519").split("\n")[2]!,
    clone.read(".tms-llm", "passphrase").trim(),
  ];
  const ask = (path: string, apiKey: string) =>
    execa(
      "curl",
      [
        "--silent",
        "--cacert",
        clone.path(".tms-llm", "dev", "ca.pem"),
        "--output",
        "-",
        "--write-out",
        "\n%{http_code}",
        "--config",
        "-",
        `https://127.0.0.1:${clone.sandbox()!.gatewayPort}${path}`,
      ],
      {
        input: `header = "Authorization: Bearer ${apiKey}"\n`,
      },
    ).then(({ stdout }) => stdout.split("\n").at(-1));

  beforeAll(async () => {
    clone = await Clone.make();
    clone.configure(PATIENT);
    await clone.commit();
  });

  afterAll(async () => {
    await clone.remove();
  });

  beforeEach(({ onTestFailed }) => {
    onTestFailed(async () => console.error(await clone.host().journal()));
  });

  it("goes from nothing to a green proof, and prints where the endpoint and the key are", async () => {
    sampler = new ProcessSampler();
    const up = await clone.run(["up"]);
    sampler.stop();
    expect(up.exitCode, up.output).toBe(0);
    sandboxId = clone.sandbox()!.id;
    curlLine = /^ {2}(curl .*\\\n.*)$/m.exec(up.stdout)![1]!;
    expect(up.stdout).toContain(`https://127.0.0.1:${clone.sandbox()!.gatewayPort}/v1`);
    expect(up.stdout).toContain("tms.key");
    expect(up.stdout).toContain("Smoke test: pass");
  });

  it("leaves the checkout as git knows it", async () => {
    expect(await clone.changes()).toBe("");
  });

  it("shows no key to those who look at the list of processes, here or on the host", async () => {
    for (const secret of secrets()) expect(sampler.sightings(secret)).toEqual([]);
    // The same sampler sees a key that somebody hands over on a command line.
    const careless = new ProcessSampler();
    await execa("sh", ["-c", "sleep 0.5", "sh", key("tms")]);
    careless.stop();
    expect(careless.sightings(key("tms"))).toContain("sh -c sleep 0.5 sh (found) ");
  });

  it("streams an answer to the very line that it prints", async () => {
    const { exitCode, stdout, output } = await clone.shell(curlLine);
    expect(exitCode, output).toBe(0);
    const events = stdout.split("\n").filter((line) => line.startsWith("data: "));
    expect(events.length).toBeGreaterThan(10);
    expect(events.at(-1)).toBe("data: [DONE]");
  });

  it("streams Korean to the official OpenAI client through TLS", async () => {
    const { endpoint } = { endpoint: `https://127.0.0.1:${clone.sandbox()!.gatewayPort}/v1` };
    const run = await execa(
      "node",
      [
        clone.path("tests/fixtures/clients/openai-stream.mjs"),
        endpoint,
        clone.path(".tms-llm/dev/tms.key"),
        "tiny",
        "안녕하세요",
      ],
      {
        cwd: clone.folder,
        env: { NODE_EXTRA_CA_CERTS: clone.path(".tms-llm/dev/ca.pem") },
      },
    );
    const answer = JSON.parse(run.stdout) as { events: number; text: string; finish: string };
    expect(answer.events).toBeGreaterThan(10);
    expect(answer.text).toMatch(/[가-힣]/);
    expect(answer.text).not.toContain("\uFFFD");
    expect(answer.finish).toMatch(/^(stop|length)$/);
  });

  it("changes nothing the second time, as Pulumi says and as the host shows", ONE_ATTEMPT, async () => {
    const before = await takeSnapshot(clone.host());
    const up = await clone.run(["up"]);
    expect(up.exitCode, up.output).toBe(0);
    expect(up.output).toMatch(/^\s+\d+ unchanged$/m);
    expect(up.output).not.toMatch(/\d+ (created|updated|replaced|deleted)/);
    expect(differences(before, await takeSnapshot(clone.host()), "identical")).toEqual([]);
  });

  it("obeys pulumi itself, typed in a shell that `npm run env` has prepared", async () => {
    const typed = (line: string) => clone.shell(`source <(npm run -s env) && ${line}`);
    const preview = await typed("pulumi preview --stack dev");
    expect(preview.output).toMatch(/^\s+\d+ unchanged$/m);
    const up = await typed("pulumi up --yes --stack dev");
    expect(up.exitCode, up.output).toBe(0);
    expect(up.output).not.toMatch(/\d+ (created|updated|replaced|deleted)/);
    const endpoint = await typed("pulumi stack output endpoint --stack dev");
    expect(endpoint.stdout).toBe(`https://127.0.0.1:${clone.sandbox()!.gatewayPort}\n`);
    expect(await clone.changes()).toBe("");
  });

  it("finds by name what was changed by hand, and the next up repairs it", async () => {
    await inHost("bash", "-c", "echo '# changed' >>/etc/nginx/conf.d/tms-llm.conf; systemctl stop tms-ollama");
    const drift = await clone.run(["drift"]);
    expect(drift.exitCode).toBe(7);
    expect(drift.output).toContain("tms-llm.conf");
    expect(drift.output).toContain("tms-ollama");
    const up = await clone.run(["up"]);
    expect(up.exitCode, up.output).toBe(0);
    const again = await clone.run(["drift"]);
    expect(again.exitCode, again.output).toBe(0);
  });

  it("lets a new client in, and shuts it out when it leaves the stack file", async () => {
    clone.configure({ clients: { tms: { a: 1 }, rag: { a: 1 } } });
    const joined = await clone.run(["up"]);
    expect(joined.exitCode, joined.output).toBe(0);
    const rag = key("rag");
    expect(await ask("/v1/models", rag)).toBe("200");
    clone.configure({ clients: { tms: { a: 1 } } });
    const left = await clone.run(["up"]);
    expect(left.exitCode, left.output).toBe(0);
    expect(await ask("/v1/models", rag)).toBe("401");
    expect(await ask("/v1/models", key("tms"))).toBe("200");
  });

  it("comes back from a change that failed half-way", async () => {
    const good = { name: "tiny", source: "builtin:tiny", context: 2048 };
    clone.configure({ models: [good, { name: "lost", source: "ollama:no-such-model", context: 2048 }] });
    const failed = await clone.run(["up"]);
    expect(failed.exitCode).toBe(1);
    expect(failed.output).toContain("model lost could not be made");
    clone.configure({ models: [good] });
    const up = await clone.run(["up"]);
    expect(up.exitCode, up.output).toBe(0);
    expect(await inHost("bash", "-c", "ls /opt/llm/modelfiles | wc -l")).toBe("1");
  });

  it("keeps its keys out of everything but root's files", async () => {
    const state = readdirSync(clone.path(".tms-llm", "state"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));
    const journal = await inHost(
      "bash",
      "-c",
      "journalctl --no-pager; cat /var/log/nginx/*; find / -xdev -type f -perm /044 -size -1M -path '/var/lib/tms-llm/*' -exec cat {} +",
    );
    for (const secret of secrets()) {
      expect(clone.console.includes(secret), "console").toBe(false);
      expect(
        state.some((text) => text.includes(secret)),
        "Pulumi's state",
      ).toBe(false);
      expect(journal.includes(secret), "the host's logs").toBe(false);
    }
  });

  it("starts a sandbox that was stopped", async () => {
    await execa("docker", ["stop", `tms-llm-${sandboxId}`]);
    const up = await clone.run(["up"]);
    expect(up.exitCode, up.output).toBe(0);
  });

  it("leaves nothing behind after destroy", async () => {
    const checkout = await clone.changes();
    const destroy = await clone.run(["destroy"]);
    expect(destroy.exitCode, destroy.output).toBe(0);
    expect(await clone.changes()).toBe(checkout);
    expect(await clone.leftovers(sandboxId)).toEqual([]);
  });
});
