import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { runSmoke } from "../../../smoke/run";
import { target } from "./endpoint";
import { result } from "./sabotage";

const DIGEST = "c8c4e9e92cff01e2";
const ENGINE = { version: "0.17.4", question: ["curl", "engine"] };
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
  enginePorts: [11434],
};

// Indices of the probes: gateway and engine over IPv4, then the same over IPv6.
const SEEN = "seen 10.0.0.10\\nseen fd00::10";
const GOOD = {
  allowed: `printf 'open 0\\nopen 2\\n${SEEN}\\n'`,
  refused: `printf '${SEEN}\\n'`,
  sockets: "echo 'LISTEN 0 4096 127.0.0.1:11434 0.0.0.0:*'",
  digest: `echo ${DIGEST}`,
  version: `echo '{"version":"0.17.4"}'`,
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
  "exec sandbox ss -Hltn") ${says.sockets} ;;
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
    await target({}, { exclude: ["streaming", "korean"], access, digest: DIGEST, engine: ENGINE, ...changes }),
  );
};

describe("what the host's own machine shows", () => {
  test("passes when all is as deployed", async () => {
    expect((await run()).verdict).toBe("pass");
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
      says: { sockets: "echo 'LISTEN 0 4096 *:11434 *:*'" },
      check: "engine-loopback",
      verdict: "fail",
      observed: "listens on *:11434",
    },
    {
      title: "no engine",
      says: { sockets: "true" },
      check: "engine-loopback",
      verdict: "fail",
      observed: "nothing listens on port 11434",
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

  test("is not measured where the deployed digest is not known", async () => {
    const report = await run({}, { digest: undefined });
    expect(result(report, "digest").observed).toBe("not measured: the digest is not known here");
    expect(report.verdict).toBe("inconclusive");
  });
});

test("where no model is known the first that is listed is asked", async () => {
  const report = await runSmoke(
    await target({}, { models: [], exclude: ["firewall", "engine-loopback", "engine-version", "digest"] }),
  );
  expect(report.verdict).toBe("pass");
  const none = await runSmoke(await target({ listed: [] }, { models: [] }));
  expect(result(none, "models")).toMatchObject({ verdict: "fail", observed: "none is listed" });
});
