import { cpSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { execa } from "execa";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Clone, DOCKER_MISSING, PATIENT, type Run } from "../harness/clone";
import { ProcessSampler } from "../harness/process-sampler";
import { ONE_ATTEMPT } from "../harness/one-attempt";

/** A deployment whose clone and host are lost, and what its backup brings back; each test goes on where the last stopped. */
describe.skipIf(DOCKER_MISSING)("a deployment that is backed up, lost and restored (needs Docker)", () => {
  let lost: Clone;
  let clone: Clone;
  /** What the clients hold. */
  let key = "";
  let ca = "";
  let endpoint = "";

  const PASSPHRASE = "six words of an operator's own";
  const BACKUP = "dev.tar.gz.age";

  const backup = async (where: Clone, ...args: string[]): Promise<Run> =>
    typed(where.start(["backup", "dev", "--to", BACKUP, ...args]), PASSPHRASE);
  const restore = (args: readonly string[], passphrase = PASSPHRASE) =>
    typed(clone.start(["restore", ...args]), passphrase);

  const typed = (running: ReturnType<Clone["start"]>, text: string) => {
    running.type(`${text}\n`);
    return running.done;
  };

  /** What a client gets that knows nothing of the restore. */
  const askAsClient = async () => {
    writeFileSync(clone.path("of-the-client.pem"), ca);
    const args = ["--silent", "--cacert", clone.path("of-the-client.pem"), "--output", "/dev/null"];
    const answer = await execa(
      "curl",
      [...args, "--write-out", "%{http_code}", "--config", "-", `${endpoint}/v1/models`],
      {
        input: `header = "Authorization: Bearer ${key}"\n`,
        reject: false,
      },
    );
    return answer.stdout;
  };

  beforeAll(async () => {
    [lost, clone] = await Promise.all([Clone.make(), Clone.make()]);
    lost.configure(PATIENT);
    const up = await lost.run(["up"]);
    expect(up.exitCode, up.output).toBe(0);
    key = lost.read(".tms-llm/dev/tms.key").trim();
    ca = lost.read(".tms-llm/dev/ca.pem");
    endpoint = `https://127.0.0.1:${lost.sandbox()!.gatewayPort}`;
  });
  afterAll(() => Promise.all([clone.remove(), lost.remove()]));
  beforeEach(({ onTestFailed }) => {
    onTestFailed(() => console.error((lost.console + clone.console).slice(-8000)));
  });

  it("is written to one file, for its owner alone, with nothing in clear in it or in the list of processes", async () => {
    const sampler = new ProcessSampler();
    const { exitCode, output } = await backup(lost);
    sampler.stop();
    expect(exitCode, output).toBe(0);
    expect(output).toMatch(/^Backup of dev: dev\.tar\.gz\.age$/m);
    const content = readFileSync(lost.path(BACKUP));
    expect(statSync(lost.path(BACKUP)).mode & 0o777).toBe(0o600);
    for (const secret of [key, PASSPHRASE, "PRIVATE KEY"]) expect(content.includes(secret)).toBe(false);
    for (const secret of [key, PASSPHRASE]) {
      expect(sampler.sightings(secret)).toEqual([]);
      expect(output).not.toContain(secret);
    }
  });

  it("is lost, with its host", async () => {
    cpSync(lost.path(BACKUP), clone.path(BACKUP));
    await lost.remove();
    expect(await askAsClient()).toBe("000");
  });

  it.each<[string, () => readonly string[], string, string]>([
    ["another passphrase", () => ["dev", "--from", BACKUP], "not the operator's words", "does not open dev.tar.gz.age"],
    [
      "a byte that changed",
      () => [
        "dev",
        "--from",
        spoilt((content) => content.map((byte, at) => (at === content.length - 9 ? byte ^ 1 : byte))),
      ],
      PASSPHRASE,
      "is damaged",
    ],
    [
      "an end that is missing",
      () => ["dev", "--from", spoilt((content) => content.subarray(0, -100))],
      PASSPHRASE,
      "is damaged",
    ],
    ["another stack's name", () => ["prod", "--from", BACKUP], PASSPHRASE, "is a backup of the stack dev, not of prod"],
    ["another file", () => ["dev", "--from", "README.md"], PASSPHRASE, "is no backup"],
  ])("is refused with %s, and nothing is written", async (_, args, passphrase, message) => {
    const { exitCode, output } = await restore(args(), passphrase);
    expect(output).toContain(message);
    expect(output).toContain("Nothing was changed.");
    expect(exitCode).toBe(4);
    expect(existsSync(clone.path(".tms-llm"))).toBe(false);
  });

  it("is not deployed by half: up refuses after a restore that was killed, which can be repeated", async () => {
    const killed = clone.start(["restore", "dev", "--from", BACKUP, "--yes"], { detached: true });
    killed.type(`${PASSPHRASE}\n`);
    const marker = clone.path(".tms-llm/dev/restore-unfinished");
    await expect.poll(() => existsSync(marker), { timeout: 120_000, interval: 2 }).toBe(true);
    process.kill(-killed.pid, "SIGKILL");
    await killed.done;
    const up = await clone.run(["up"]);
    expect(up.output).toContain("A restore of dev did not come to its end");
    expect(up.exitCode).toBe(1);
  });

  it("comes back into an empty clone, stack file and all", async () => {
    const { exitCode, output } = await restore(["dev", "--from", BACKUP, "--yes"]);
    expect(exitCode, output).toBe(0);
    expect(output).toMatch(/^Restored dev as it was on \d{4}-\d\d-\d\d \d\d:\d\d UTC:$/m);
    expect(clone.read("Pulumi.dev.yaml")).toContain("300s");
    expect(statSync(clone.path(".tms-llm/dev/restored-ca.pem")).mode & 0o777).toBe(0o600);
  });

  it("is deployed to a new sandbox, where clients go on with the key and the CA that they had", async () => {
    const sampler = new ProcessSampler();
    const up = await clone.run(["up"]);
    sampler.stop();
    expect(up.exitCode, up.output).toBe(0);
    expect(up.output).toContain("Smoke test: pass");
    expect(await askAsClient()).toBe("200");
    expect(clone.read(".tms-llm/dev/tms.key").trim()).toBe(key);
    expect(clone.read(".tms-llm/dev/ca.pem")).toBe(ca);
    const secret = clone.read(".tms-llm/dev/restored-ca.pem").split("\n")[1]!;
    expect(sampler.sightings(secret)).toEqual([]);
    expect(await filesWith(clone, secret)).toEqual([clone.path(".tms-llm/dev/restored-ca.pem")]);
  });

  it("is then as deployed, and a second up changes nothing", ONE_ATTEMPT, async () => {
    const drift = await clone.run(["drift"]);
    expect(drift.exitCode, drift.output).toBe(0);
    const up = await clone.run(["up"]);
    expect(up.exitCode, up.output).toBe(0);
    expect(up.output).toMatch(/^\s+\d+ unchanged$/m);
  });

  it("does not go over a live deployment unasked: what it would overwrite is listed", async () => {
    const rotated = await clone.run(["keys", "rotate", "tms"]);
    expect(rotated.exitCode, rotated.output).toBe(0);
    const present = clone.read("Pulumi.dev.yaml");
    const { exitCode, output } = await restore(["dev", "--from", BACKUP]);
    expect(exitCode, output).toBe(4);
    expect(output).toMatch(/^This overwrites what is here:\n( {2}.*\n)* {2}Pulumi\.dev\.yaml\n/m);
    expect(output).toMatch(/^ {2}Pulumi's state of dev, with its API keys: \d+ resources here, \d+ in the backup$/m);
    expect(clone.read("Pulumi.dev.yaml")).toBe(present);
  });

  it("takes a live deployment back where that is wanted, and its CA from a host that has another", async () => {
    await clone
      .host()
      .shell(
        "cd /etc/tms-llm/tls && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -subj /CN=another",
      );
    const { exitCode, output } = await restore(["dev", "--from", BACKUP, "--yes"]);
    expect(exitCode, output).toBe(0);
    const up = await clone.run(["up"]);
    expect(up.exitCode, up.output).toBe(0);
    expect(up.output).toContain("the one that was restored");
    expect(clone.read(".tms-llm/dev/tms.key").trim()).toBe(key);
    expect(await askAsClient()).toBe("200");
  });

  /** A copy of the backup that somebody has had in their hands. */
  function spoilt(change: (content: Buffer) => Uint8Array): string {
    writeFileSync(clone.path("spoilt.age"), change(readFileSync(clone.path(BACKUP))));
    return "spoilt.age";
  }
});

/** Files of a clone and its state that hold a text. */
async function filesWith(clone: Clone, text: string): Promise<string[]> {
  const args = ["--recursive", "--files-with-matches", "--exclude-dir=node_modules", "--fixed-strings", "--file", "-"];
  const found = await execa("grep", [...args, clone.folder], { input: text, reject: false });
  return found.stdout.split("\n").filter((name) => name !== "");
}
