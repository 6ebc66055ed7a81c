import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { runSmoke } from "../../../smoke/run";
import { HOST_CHECKS, target } from "./endpoint";
import { result } from "./sabotage";

const DIGEST = "c8c4e9e92cff01e2";
const ENGINE = {
  ...{ version: "0.17.4", question: ["curl", "engine"], unit: "tms-ollama.service", parallel: 1 },
  placement: { gpu: false, asks: "ollama" as const, question: ["curl", "models"] },
};
const KEY_IDS = ["tms/a/1", "tms/b/2"];
const access = {
  kind: "sandbox" as const,
  container: "sandbox",
  network: "sandbox",
  image: "sandbox:1",
  address4: "10.0.0.10",
  address6: "fd00::10",
  allowedProber4: "10.0.0.20",
  refusedProber4: "10.0.0.30",
  allowedProber6: "fd00::20",
  refusedProber6: "fd00::30",
  gatewayPort: 443,
  gatewayOpenToAll: false,
  enginePorts: [11434],
};

// Indices of the probes: gateway and engine over IPv4, then the same over IPv6.
const SEEN = "seen 10.0.0.10\\nseen fd00::10";
const NGINX = 'LISTEN 0 511 0.0.0.0:443 0.0.0.0:* users:(("nginx",pid=60,fd=6))';
const OLLAMA = 'LISTEN 0 4096 127.0.0.1:11434 0.0.0.0:* users:(("ollama",pid=70,fd=3))';
const RUNNER = 'LISTEN 0 4096 127.0.0.1:39021 0.0.0.0:* users:(("ollama",pid=71,fd=8))';
const printing = (...lines: string[]) => `printf '%s\\n' ${lines.map((line) => `'${line}'`).join(" ")}`;
const SOCKETS = printing(NGINX, OLLAMA, RUNNER, "unit 70", "unit 71");
/**
 * Recorded from Ollama 0.17.4 on a CPU, which loaded the model under its candidate's name; with other figures for
 * `size_vram` this is what a GPU's host shows.
 */
const LISTED = '{"models":[{"name":"tiny:latest","model":"tiny:latest","size":704101,"digest":"3a5c44da"}]}';
const loaded = (size_vram: number) =>
  printing(
    LISTED,
    `{"models":[{"name":"tms-llm-candidate:latest","size":1495296,"digest":"3a5c44da","size_vram":${size_vram},"context_length":2048}]}`,
  );
const GOOD = {
  allowed: `printf 'open 0\\nopen 2\\n${SEEN}\\n'`,
  refused: `printf '${SEEN}\\n'`,
  sockets: SOCKETS,
  digest: `echo ${DIGEST}`,
  version: `echo '{"version":"0.17.4"}'`,
  models: loaded(0),
  keys: printing("key tms/a/1", "key tms/b/2", "written 1795239396", "read 1795239396", "read 1795239397"),
};

/** Puts a `docker` on the PATH that does what the test says for each thing that is asked of it. */
function dockerThat(says: typeof GOOD): void {
  const folder = mkdtempSync(join(tmpdir(), "docker-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "docker");
  writeFileSync(
    file,
    `#!/bin/sh
case "$*" in
  *"--ip ${access.allowedProber4} --ip6 ${access.allowedProber6}"*) ${says.allowed} ;;
  *"--ip ${access.refusedProber4} --ip6 ${access.refusedProber6}"*) ${says.refused} ;;
  "exec sandbox bash -c ss -Hltnp"*) ${says.sockets} ;;
  "exec sandbox bash -c keys="*) ${says.keys} ;;
  "exec sandbox curl models" | *" bash nvidia-smi apps") ${says.models} ;;
  "exec sandbox cat /var/lib/tms-llm/digest") ${says.digest} ;;
  "exec sandbox curl engine") ${says.version} ;;
  *) echo "not expected: $*" >&2; exit 125 ;;
esac
`,
  );
  chmodSync(file, 0o700);
  vi.stubEnv("PATH", `${folder}${delimiter}${process.env["PATH"] ?? ""}`);
}

afterEach(() => vi.unstubAllEnvs());

const run = async (says: Partial<typeof GOOD> = {}, changes = {}) => {
  dockerThat({ ...GOOD, ...says });
  return runSmoke(
    await target(
      {},
      { exclude: ["streaming", "korean"], access, digest: DIGEST, engine: ENGINE, keyIds: KEY_IDS, ...changes },
    ),
  );
};

describe("what the host's own machine shows", () => {
  test("passes when all is as deployed", async () => {
    expect((await run()).verdict).toBe("pass");
  });

  test("passes where the firewall is somebody else's work and every neighbour reaches the gateway", async () => {
    const openToAll = { access: { ...access, gatewayOpenToAll: true } };
    expect((await run({ refused: `printf 'open 0\\nopen 2\\n${SEEN}\\n'` }, openToAll)).verdict).toBe("pass");
    const { checks } = await run({ refused: `printf 'open 0\\nopen 1\\nopen 2\\n${SEEN}\\n'` }, openToAll);
    expect(checks.find(({ id }) => id === "firewall")).toMatchObject({
      verdict: "fail",
      observed: "engine port 11434 (IPv4, refused) is open",
    });
  });

  test.each([
    {
      title: "an engine that a neighbour reaches over IPv6",
      says: { allowed: `printf 'open 0\\nopen 2\\nopen 3\\n${SEEN}\\n'` },
      check: "firewall",
      verdict: "fail",
      observed: "engine port 11434 (IPv6, allowed) is open",
    },
    {
      title: "a gateway that a stranger reaches",
      says: { refused: `printf 'open 0\\n${SEEN}\\n'` },
      check: "firewall",
      verdict: "fail",
      observed: "gateway (IPv4, refused) is open",
    },
    {
      title: "a gateway that nobody reaches",
      says: { allowed: `printf '${SEEN}\\n'` },
      check: "firewall",
      verdict: "fail",
      observed: "gateway (IPv4, allowed) is closed; gateway (IPv6, allowed) is closed",
    },
    {
      title: "a prober that sees nothing",
      says: { refused: "true" },
      check: "firewall",
      verdict: "error",
      observed: "the prober does not see the host at 10.0.0.10, fd00::10",
    },
    {
      title: "a prober that does not start",
      says: { refused: "echo 'Address already in use' >&2; exit 125" },
      check: "firewall",
      verdict: "error",
      observed: "docker run did not run: Address already in use",
    },
    {
      title: "an engine that listens on all addresses behind the firewall",
      says: { sockets: printing('LISTEN 0 4096 *:11434 *:* users:(("ollama",pid=70,fd=3))', "unit 70") },
      check: "engine-loopback",
      verdict: "fail",
      observed: "listens on *:11434",
    },
    {
      title: "an engine's process that opens one more port",
      says: {
        sockets: printing(
          NGINX,
          OLLAMA,
          'LISTEN 0 5 [::]:29500 [::]:* users:(("worker",pid=72,fd=9))',
          "unit 70",
          "unit 72",
        ),
      },
      check: "engine-loopback",
      verdict: "fail",
      observed: "listens on [::]:29500",
    },
    {
      title: "somebody else on the engine's port",
      says: { sockets: printing('LISTEN 0 5 0.0.0.0:11434 0.0.0.0:* users:(("python3",pid=80,fd=3))', "unit 70") },
      check: "engine-loopback",
      verdict: "fail",
      observed: "listens on 0.0.0.0:11434",
    },
    {
      title: "no engine",
      says: { sockets: printing(NGINX) },
      check: "engine-loopback",
      verdict: "fail",
      observed: "tms-ollama.service has no process; nothing listens on port 11434",
    },
    {
      title: "sockets whose holders may not be seen",
      says: { sockets: printing("LISTEN 0 4096 127.0.0.1:11434 0.0.0.0:*", "unit 70") },
      check: "engine-loopback",
      verdict: "error",
      observed: "ss does not tell who holds a socket",
    },
    {
      title: "a model that is not loaded after its answer",
      says: { models: printing(LISTED, '{"models":[]}') },
      check: "placement",
      verdict: "fail",
      observed: "tiny is not loaded",
    },
    {
      title: "a key of the past",
      says: { keys: printing("key tms/a/1", "key tms/b/2", "key rag/a/1", "written 10", "read 11") },
      check: "known-keys",
      verdict: "fail",
      observed: "rag/a/1 is let in and is not in the stack file",
    },
    {
      title: "a key that was not put in",
      says: { keys: printing("key tms/b/2", "written 10", "read 11") },
      check: "known-keys",
      verdict: "fail",
      observed: "tms/a/1 is not let in",
    },
    {
      title: "keys that were changed after nginx had read them",
      says: { keys: printing("key tms/a/1", "key tms/b/2", "written 12", "read 11", "read 13") },
      check: "known-keys",
      verdict: "fail",
      observed: "nginx has not read its keys since they were changed",
    },
    {
      title: "another deployment's digest",
      says: { digest: "echo 0123456789abcdef" },
      check: "digest",
      verdict: "fail",
      observed: "digest 0123456789ab",
    },
    {
      title: "no digest",
      says: { digest: "echo 'cat: no such file' >&2; exit 1" },
      check: "digest",
      verdict: "fail",
      observed: "the host shows no digest",
    },
    {
      title: "another version of the engine",
      says: { version: `echo '{"version":"0.12.0"}'` },
      check: "engine-version",
      verdict: "fail",
      observed: "version 0.12.0",
    },
    {
      title: "an engine that does not answer on the host",
      says: { version: "exit 7" },
      check: "engine-version",
      verdict: "fail",
      observed: "the engine tells no version",
    },
    {
      title: "no container",
      says: { digest: "echo 'Error: No such container: sandbox' >&2; exit 1" },
      check: "digest",
      verdict: "error",
      observed: "docker exec did not run: Error: No such container: sandbox",
    },
  ])("$title: $check says $verdict", async ({ says, check, verdict, observed }) => {
    const report = await run(says);
    expect(result(report, check)).toMatchObject({ verdict, observed });
    expect(report.verdict).toBe(verdict);
  });

  describe("of a plan that is made for a GPU, from recorded answers", () => {
    const planned = (asks: "ollama" | "nvidia-smi") => ({
      engine: {
        ...ENGINE,
        placement: {
          gpu: true,
          asks,
          question: { ollama: ["curl", "models"], "nvidia-smi": ["nvidia-smi", "apps"] }[asks],
        },
      },
    });

    test.each([
      {
        title: "all of the model on it",
        asks: "ollama",
        models: loaded(1495296),
        observed: "100 % of tiny in the GPU's memory",
      },
      {
        title: "vLLM on it, with two processes",
        asks: "nvidia-smi",
        models: printing("4711, 20480 MiB", "4712, 20480 MiB", "815, 300 MiB", "unit 4710", "unit 4711", "unit 4712"),
        observed: "2 of the engine's processes on the GPU",
      },
    ] as const)("$title passes", async ({ asks, models, observed }) => {
      expect(result(await run({ models }, planned(asks)), "placement")).toMatchObject({ verdict: "pass", observed });
    });

    test.each([
      {
        title: "Ollama went to the CPU without a word",
        asks: "ollama",
        models: loaded(0),
        observed: "0 % of tiny in the GPU's memory",
      },
      {
        title: "a part did not fit",
        asks: "ollama",
        models: loaded(1121472),
        observed: "75 % of tiny in the GPU's memory",
      },
      {
        title: "nothing computes there",
        asks: "nvidia-smi",
        models: "true",
        observed: "no process of tms-ollama.service computes on the GPU",
      },
      {
        title: "somebody else's process computes there alone",
        asks: "nvidia-smi",
        models: printing("815, 300 MiB", "unit 4711"),
        observed: "no process of tms-ollama.service computes on the GPU",
      },
      {
        title: "the driver does not answer",
        asks: "nvidia-smi",
        models: "exit 9",
        observed: "nvidia-smi on the host ended with 9",
      },
    ] as const)("$title fails", async ({ asks, models, observed }) => {
      expect(result(await run({ models }, planned(asks)), "placement")).toMatchObject({ verdict: "fail", observed });
    });
  });

  test("is not measured where the deployed digest is not known", async () => {
    const report = await run({}, { digest: undefined });
    expect(result(report, "digest").observed).toBe("not measured: the digest is not known here");
    expect(report.verdict).toBe("inconclusive");
  });
});

test("where no model is known the first that is listed is asked", async () => {
  const report = await runSmoke(await target({}, { models: [], exclude: HOST_CHECKS }));
  expect(report.verdict).toBe("pass");
  const none = await runSmoke(await target({ listed: [] }, { models: [] }));
  expect(result(none, "models")).toMatchObject({ verdict: "fail", observed: "none is listed" });
});
