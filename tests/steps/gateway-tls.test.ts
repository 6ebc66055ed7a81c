import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { connect as connectHttp2 } from "node:http2";
import { join } from "node:path";
import { checkServerIdentity, connect as connectTls } from "node:tls";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EngineStandIn } from "../harness/engine-stand-in";
import { bearer, errorOf, gatewayConfig, KEYS, readEvents, sampleStep, send } from "../harness/gateway";
import { freePort, layOut, Nginx, NGINX_MISSING, type NginxFiles } from "../harness/nginx";

const KEY = KEYS["client/tms/a"];
const STEP_SCRIPT = join(__dirname, "..", "..", "templates", "steps", "gateway.sh");

/** Runs the step's own commands on the folder's certificates; `names` are the planned ones. */
async function withOwnCa(files: NginxFiles, names: string, commands: string): Promise<string> {
  const prologue = `set -euo pipefail; source "$1"; tls=$2 in_server_name=llm.internal in_subject_names=$3`;
  const { stdout } = await execa("bash", [
    "-c",
    `${prologue}\n${commands}`,
    "bash",
    STEP_SCRIPT,
    files.path("/etc/tms-llm/tls"),
    names,
  ]);
  return stdout;
}

describe("a certificate that was given (needs openssl)", () => {
  test.each([
    { days: 5, words: "valid for 14 days" },
    { days: 60, words: "" },
  ])("that ends in $days days: what a check says of it", async ({ days, words }) => {
    const folder = mkdtempSync(join(tmpdir(), "tms-llm-given-"));
    const script = `set -euo pipefail; source "$1"; tls=$2 VERB=check
      foreign() { printf '%s|%s|%s|%s' "$@"; }
      openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj /CN=given -days ${days} -out "$tls/given.pem" 2>/dev/null
      check_given_certificate`;
    const { stdout } = await execa("bash", ["-c", script, "bash", STEP_SCRIPT, folder]);
    rmSync(folder, { recursive: true });
    expect(stdout).toContain(words);
    expect(stdout === "").toBe(words === "");
  });
});

describe("a CA that was restored (needs openssl)", () => {
  /** What the step makes of a host whose CA is `found`, where `restored` comes with the deployment. */
  const caAfter = async (found: string, restored: string) => {
    const folder = mkdtempSync(join(tmpdir(), "tms-llm-restored-"));
    const script = `set -euo pipefail; source "$1"; tls=$2 VERB=apply in_server_name=llm.internal
      difference() { echo "$1: $3"; }
      make_ca() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$tls/$1.key" -out "$tls/$1.pem" -subj "/CN=$1" 2>/dev/null; }
      make_ca known; make_ca another
      in_restored_ca=$([[ -z $4 ]] || cat "$tls/$4.key" "$tls/$4.pem")
      [[ -z $3 ]] || { cp "$tls/$3.key" "$tls/ca.key"; cp "$tls/$3.pem" "$tls/ca.pem"; }
      give_way_to_restored_ca
      [[ -s $tls/ca.key ]] || ca_key >"$tls/ca.key"
      [[ -s $tls/ca.pem ]] || new_ca() { echo new; }
      [[ -s $tls/ca.pem ]] || ca_certificate >"$tls/ca.pem"
      for name in known another; do if cmp -s "$tls/$name.pem" "$tls/ca.pem"; then echo "$name"; fi; done
      if grep -q new "$tls/ca.pem"; then echo new; fi
      [[ -z $3$4 || $(openssl x509 -in "$tls/ca.pem" -noout -pubkey) == "$(openssl pkey -in "$tls/ca.key" -pubout)" ]]`;
    const { stdout } = await execa("bash", ["-c", script, "bash", STEP_SCRIPT, folder, found, restored]);
    rmSync(folder, { recursive: true });
    return stdout.replaceAll(folder, "");
  };

  test.each([
    { found: "", restored: "known", ca: "known", words: "comes to a host that has none" },
    { found: "another", restored: "known", ca: "CA /ca.pem: another\nknown", words: "takes the place of another one" },
    { found: "known", restored: "known", ca: "known", words: "is left where it is there" },
    { found: "another", restored: "", ca: "another", words: "is not missed by a host that has one" },
    { found: "", restored: "", ca: "new", words: "is not missed by a host that has none and makes one" },
  ])("$words", async ({ found, restored, ca }) => {
    expect(await caAfter(found, restored)).toBe(ca);
  });
});

const ISSUE = `
  new_key >"$tls/ca.key"; new_ca >"$tls/ca.pem"
  new_key >"$tls/server.key"; new_server_certificate >"$tls/server.pem"
  echo "$in_subject_names" >"$tls/server.pem.names"`;

describe.skipIf(NGINX_MISSING)("the gateway's nginx with its own CA (needs nginx: apt-get install nginx)", () => {
  let port: number;
  let engine: EngineStandIn;
  let nginx: Nginx;
  let files: NginxFiles;
  let names: string;
  let authority: string;

  beforeAll(async () => {
    engine = await new EngineStandIn(await freePort()).start();
    port = await freePort();
    const step = sampleStep(gatewayConfig({ port }, engine.port), { addresses: ["192.0.2.7", "fd00::7"] });
    files = layOut(step, KEYS);
    names = step.inputs["subject_names"]!;
    await withOwnCa(files, names, ISSUE);
    authority = readFileSync(files.path("/etc/tms-llm/tls/ca.pem"), "utf8");
    nginx = await Nginx.start(files, port);
  });
  afterAll(async () => {
    await nginx.stop();
    await engine.stop();
  });

  async function trustAs(name: string): Promise<void> {
    const identity = (_: string, certificate: Parameters<typeof checkServerIdentity>[1]) =>
      checkServerIdentity(name, certificate);
    const socket = connectTls({ host: "127.0.0.1", port, ca: authority, checkServerIdentity: identity });
    await once(socket, "secureConnect").finally(() => socket.destroy());
  }

  test.each(["llm.internal", "localhost", "127.0.0.1", "::1", "192.0.2.7", "fd00::7"])(
    "is trusted as %s",
    async (name) => {
      await expect(trustAs(name)).resolves.toBeUndefined();
    },
  );

  test("is not trusted under another name", async () => {
    await expect(trustAs("evil.example")).rejects.toThrow(/does not match certificate/);
  });

  test.each([
    ["-tls1_1", false],
    ["-tls1_2", true],
    ["-tls1_3", true],
  ])("speaks %s: %s", async (version, spoken) => {
    // The client's own security level must not be what refuses.
    const options = ["s_client", "-connect", `127.0.0.1:${port}`, version, "-cipher", "ALL:@SECLEVEL=0"];
    const { exitCode, all } = await execa("openssl", options, { input: "", reject: false, all: true });
    expect(exitCode === 0).toBe(spoken);
    expect(all).toContain("CONNECTED");
  });

  test("answers plain HTTP on its port in JSON", async () => {
    const answer = await send(port, "GET", "/v1/models", { headers: bearer(KEY) });
    expect([answer.status, errorOf(answer).message]).toEqual([400, "This port speaks HTTPS."]);
  });

  test("streams over HTTP/2", async () => {
    const session = connectHttp2(`https://127.0.0.1:${port}`, { ca: authority, servername: "llm.internal" });
    const stream = session.request({
      ":method": "POST",
      ":path": "/v1/chat/completions",
      authorization: `Bearer ${KEY}`,
    });
    stream.end(JSON.stringify({ model: "tiny", stream: true }));
    const { times, spread, text } = await readEvents(stream);
    session.close();
    expect(times).toHaveLength(11);
    expect(spread).toBeGreaterThan(400);
    expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
  });

  test.each([
    ["nothing to say about a good one", "certificate_fault 30", /^$/],
    ["that it ends too soon", "certificate_fault 398", /^ends .* GMT$/],
    ["that it is absent", "tls=$tls/none; certificate_fault 30", /^absent$/],
    [
      "that it has other names than planned",
      "in_subject_names=${in_subject_names/fd00::7/fd00::8}; certificate_fault 30",
      /^for other names$/,
    ],
    [
      "that another CA issued it",
      `cp -r "$tls" "$tls.other"; tls=$tls.other; new_key >"$tls/ca.key"; new_ca >"$tls/ca.pem"; certificate_fault 30`,
      /^expired, or not issued by /,
    ],
    [
      "that it was made for another key",
      `cp -r "$tls" "$tls.key"; tls=$tls.key; new_key >"$tls/server.key"; certificate_fault 30`,
      /^made for another key$/,
    ],
  ])("the step finds %s", async (_, commands, found) => {
    expect(await withOwnCa(files, names, commands)).toMatch(found);
  });
});
