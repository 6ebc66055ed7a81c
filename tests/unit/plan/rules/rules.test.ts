import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { plannedResources } from "../../../../plan/rules/from-plan";
import { violationText } from "../../../../plan/rules/report";
import type { JudgedContainer, JudgedResource, JudgedStep } from "../../../../plan/rules/resource";
import { RULES, violations } from "../../../../plan/rules/all";
import { makePlan } from "../../../../plan/plan";
import { stackSchema, type StackConfig } from "../../../../plan/config/schema";

const SOME_SHA256 = "a".repeat(64);
const HOST_KEY = `ssh-ed25519 ${Buffer.concat([Buffer.from("0000000b", "hex"), Buffer.from("ssh-ed25519"), Buffer.from("00000020", "hex"), Buffer.alloc(32, 1)]).toString("base64")}`;

const OLLAMA_FILE = "/etc/tms-llm/ollama.env";
const VLLM_FILE = "/opt/llm/vllm/deployments/0123456789ab/config.yaml";
const TRANSFORMERS_FILE = "/opt/llm/transformers/deployments/0123456789ab/settings.json";
const NGINX_FILE = "/etc/nginx/conf.d/tms-llm.conf";
const MODELFILE = "/opt/llm/modelfiles/model-m-000000";
const LOCK_FILE = "/opt/llm/vllm/locks/0.32.0-cuda.txt";

/** A step on a host of one's own with one file. */
const step = (changes: Partial<JudgedStep> & { readonly file?: readonly [path: string, text: string] }): JudgedStep => {
  const { file, ...rest } = changes;
  return {
    kind: "step",
    name: "some-step",
    inputs: {},
    files: file ? { [file[0]]: { text: file[1] } } : {},
    artifacts: {},
    terms: { target: "ssh" },
    ...rest,
  };
};

const container = (changes: Partial<JudgedContainer>): JudgedContainer => ({
  kind: "container",
  name: "sandbox-host",
  image: "tms-llm-sandbox:0123456789ab",
  ports: [],
  ...changes,
});

const artifact = (sha256: string, url?: string) => ({ archive: { sha256, ...(url === undefined ? {} : { url }) } });
const SANDBOX = { terms: { target: "sandbox" } };

type Case = readonly [what: string, resource: JudgedResource, found?: string];

/** Rule → what it lets pass, and what it finds; the words are those of `found`. */
const CASES: Readonly<Record<string, readonly Case[]>> = {
  "engine-port-closed": [
    ["Ollama on loopback", step({ file: [OLLAMA_FILE, "OLLAMA_HOST=127.0.0.1:11434\n"] })],
    ["Ollama on loopback, IPv6", step({ file: [OLLAMA_FILE, "OLLAMA_HOST=[::1]:11434\n"] })],
    [
      "Ollama on every address",
      step({ file: [OLLAMA_FILE, "OLLAMA_HOST=0.0.0.0:11434\n"] }),
      "OLLAMA_HOST=0.0.0.0:11434",
    ],
    [
      "Ollama on a name that begins like loopback",
      step({ file: [OLLAMA_FILE, "OLLAMA_HOST=127.0.0.1.example.org:11434\n"] }),
      "127.0.0.1.example.org",
    ],
    [
      "Ollama on an address in its unit",
      step({ file: ["/etc/systemd/system/x.service", 'Environment="OLLAMA_HOST=10.0.0.5"\n'] }),
      "OLLAMA_HOST=10.0.0.5",
    ],
    [
      "vLLM behind a socket",
      step({
        file: [VLLM_FILE, "model: /srv/m\nuds: /run/httpd-llm-vllm/engine.sock\n"],
        inputs: { weights_sha256: SOME_SHA256 },
      }),
    ],
    [
      "vLLM on a port",
      step({
        file: [VLLM_FILE, "model: /srv/m\nhost: 0.0.0.0\nport: 8000\n"],
        inputs: { weights_sha256: SOME_SHA256 },
      }),
      "host: 0.0.0.0",
    ],
    [
      "vLLM on its own default",
      step({ file: [VLLM_FILE, "model: /srv/m\n"], inputs: { weights_sha256: SOME_SHA256 } }),
      "no uds",
    ],
    [
      "Transformers behind a socket",
      step({
        file: [TRANSFORMERS_FILE, '{\n  "model": "/srv/m",\n  "socket": "/run/e.sock",\n  "queue": 1\n}\n'],
        inputs: { weights_sha256: SOME_SHA256 },
      }),
    ],
    [
      "Transformers on a port",
      step({
        file: [TRANSFORMERS_FILE, '{\n  "model": "/srv/m",\n  "socket": "/run/e.sock",\n  "port": 8000\n}\n'],
        inputs: { weights_sha256: SOME_SHA256 },
      }),
      '"port": 8000 in',
    ],
    [
      "Transformers on its own default",
      step({ file: [TRANSFORMERS_FILE, '{ "model": "/srv/m" }'], inputs: { weights_sha256: SOME_SHA256 } }),
      "no socket",
    ],
    ["a firewall that opens the gateway's port", step({ inputs: { engine_port: "11434", gateway_port: "443" } })],
    [
      "a firewall that opens the engine's port",
      step({ inputs: { engine_port: "11434", gateway_port: "11434" } }),
      "port 11434 as the gateway's",
    ],
    ["a sandbox's port for its machine", container({ ports: [{ internal: 443, external: 20443, ip: "127.0.0.1" }] })],
    [
      "a sandbox's port for everybody",
      container({ ports: [{ internal: 11434, external: 11434 }] }),
      "port 11434 published as 0.0.0.0:11434",
    ],
    [
      "a sandbox's port for a network",
      container({ ports: [{ internal: 443, external: 443, ip: "::" }] }),
      "published as :::443",
    ],
  ],
  "encrypted-endpoint": [
    ["TLS", step({ file: [NGINX_FILE, "listen 443 ssl http2 default_server;\n    listen [::]:443 ssl http2;\n"] })],
    ["plain HTTP on a sandbox", step({ file: [NGINX_FILE, "listen 80 default_server;\n"], ...SANDBOX })],
    [
      "plain HTTP with consent",
      step({ file: [NGINX_FILE, "listen 80;\n"], terms: { target: "ssh", plain_http: "accepted" } }),
    ],
    ["plain HTTP on loopback", step({ file: [NGINX_FILE, "listen 127.0.0.1:8080;\n"] })],
    [
      "plain HTTP without consent",
      step({ file: [NGINX_FILE, "listen 80 default_server;\n"] }),
      "listen 80 default_server;",
    ],
    ["plain HTTP beside TLS", step({ file: [NGINX_FILE, "listen 443 ssl;\n  listen [::]:80;\n"] }), "listen [::]:80;"],
  ],
  "pinned-artifacts": [
    ["a checksum", step({ artifacts: artifact(SOME_SHA256), inputs: { version: "0.17.4" } })],
    ["no checksum", step({ artifacts: artifact("") }), "no SHA-256"],
    ["a checksum that was cut", step({ artifacts: artifact("abc123") }), '"abc123"'],
    ["a release's address", step({ artifacts: artifact(SOME_SHA256, "https://example.org/v0.17.4/a.tar.zst") })],
    [
      "a release's address on a mirror of any name",
      step({ artifacts: artifact(SOME_SHA256, "https://m/pypi-main/simple/uv/#uv-0.13.8-py3-none-any.whl") }),
    ],
    [
      "a release's folder for its latest build",
      step({ artifacts: artifact(SOME_SHA256, "https://example.org/v0.17.4/latest/a.tar.zst") }),
      "/latest/",
    ],
    [
      "the latest release's address",
      step({ artifacts: artifact(SOME_SHA256, "https://example.org/2/latest/a.tar.zst") }),
      "/latest/",
    ],
    [
      "an address without a version",
      step({ artifacts: artifact(SOME_SHA256, "https://example.org/a.tar.zst") }),
      "https://example.org/a.tar.zst",
    ],
    ["a version that moves", step({ inputs: { version: "latest" } }), "version latest"],
    ["a locked package", step({ file: [LOCK_FILE, `# made\nvllm==0.32.0 --hash=sha256:${SOME_SHA256}\n`] })],
    [
      "a package without a hash",
      step({ file: [LOCK_FILE, `vllm==0.32.0 --hash=sha256:${SOME_SHA256}\ntorch==2.13.0\n`] }),
      "1 of 2 in",
    ],
    ["a package without a version", step({ file: [LOCK_FILE, `torch>=2 --hash=sha256:${SOME_SHA256}\n`] }), "torch>=2"],
    [
      "a model's file",
      step({
        file: [MODELFILE, `FROM /var/lib/tms-llm-incoming/${SOME_SHA256}\n`],
        artifacts: { weights: { sha256: SOME_SHA256 } },
      }),
    ],
    [
      "a pulled model with its checksum",
      step({ file: [MODELFILE, "FROM qwen3:8b\n"], inputs: { weights_sha256: SOME_SHA256 } }),
    ],
    [
      "a model's file with SQL in its system prompt",
      step({
        file: [
          MODELFILE,
          `FROM /var/lib/tms-llm-incoming/${SOME_SHA256}\nSYSTEM """Example:\nSELECT name\nFROM employees\n"""\n`,
        ],
        artifacts: { weights: { sha256: SOME_SHA256 } },
      }),
    ],
    ["a pulled model on a sandbox", step({ file: [MODELFILE, "FROM qwen3:8b\n"], ...SANDBOX })],
    ["a pulled model", step({ file: [MODELFILE, "FROM hf.co/a/b:Q4_K_M\n"] }), "hf.co/a/b:Q4_K_M"],
    ["a folder of weights", step({ file: [VLLM_FILE, "model: /srv/m\nuds: /run/e.sock\n"] }), "/srv/m"],
    [
      "a folder of weights for Transformers",
      step({ file: [TRANSFORMERS_FILE, '{ "model": "/srv/m", "socket": "/run/e.sock" }'] }),
      "/srv/m",
    ],
    [
      "fetched weights with their checksum",
      step({
        file: [VLLM_FILE, "model: /opt/llm/models/huggingface/a--b-000\nuds: /run/e.sock\n"],
        inputs: { repository: "a/b", commit: "0".repeat(40), weights_sha256: SOME_SHA256 },
      }),
    ],
    [
      "fetched weights",
      step({
        file: [VLLM_FILE, "model: /opt/llm/models/huggingface/a--b-000\nuds: /run/e.sock\n"],
        inputs: { repository: "a/b", commit: "0".repeat(40), weights_sha256: "" },
      }),
      `a/b at commit ${"0".repeat(40)}`,
    ],
    ["this project's image", container({})],
    ["an image by its digest", container({ image: `debian@sha256:${SOME_SHA256}` })],
    ["a step's image by its digest", step({ inputs: { image: `ubuntu@sha256:${SOME_SHA256}` } })],
    ["a step without an image", step({ inputs: { image: "" } })],
    ["a step's image by its tag", step({ inputs: { image: "ubuntu:24.04" } }), "ubuntu:24.04"],
    ["an image by its tag", container({ image: "debian:bookworm" }), "debian:bookworm"],
  ],
  "long-keys": [
    ["43 letters and digits", { kind: "key", name: "k", length: 43, alphabet: 62 }],
    ["22 letters and digits", { kind: "key", name: "k", length: 22, alphabet: 62 }],
    [
      "21 letters and digits",
      { kind: "key", name: "k", length: 21, alphabet: 62 },
      "21 characters out of 62, 125 bits",
    ],
    ["many digits", { kind: "key", name: "k", length: 30, alphabet: 10 }, "99 bits"],
    ["one kind of character", { kind: "key", name: "k", length: 99, alphabet: 1 }, "0 bits"],
  ],
  "licence-accepted": [
    ["a permissive licence", step({ terms: { target: "ssh", licence: "apache-2.0", licence_class: "permissive" } })],
    ["a model that the catalogue does not know", step({})],
    [
      "consent",
      step({ terms: { target: "ssh", licence: "llama", licence_class: "restricted", licence_accepted: "llama" } }),
    ],
    [
      "no consent",
      step({ terms: { target: "ssh", licence: "llama", licence_class: "restricted" } }),
      "llama (restricted)",
    ],
    [
      "no consent on a sandbox",
      step({ terms: { target: "sandbox", licence: "exaone-nc", licence_class: "non-commercial" } }),
      "exaone-nc (non-commercial)",
    ],
    [
      "consent to another licence",
      step({ terms: { target: "ssh", licence: "llama", licence_class: "restricted", licence_accepted: "gemma" } }),
      "consent to gemma, not to llama",
    ],
  ],
  "pinned-host-key": [
    ["the host's key", { kind: "connection", name: "c", host: "192.0.2.1", hostKey: HOST_KEY }],
    ["no key", { kind: "connection", name: "c", host: "192.0.2.1" }, "no host key"],
    [
      "a key that lost its end",
      { kind: "connection", name: "c", host: "192.0.2.1", hostKey: HOST_KEY.slice(0, 40) },
      "no whole public key",
    ],
  ],
};

describe.each(RULES)("the rule $id", ({ id }) => {
  const cases = (CASES[id] ?? []).map(([what, resource, found]) => ({ what, resource, found }));
  test.each(cases)("$what", ({ resource, found }) => {
    const broken = violations([resource]);
    expect(broken.map((violation) => violation.id)).toEqual(found === undefined ? [] : [id]);
    expect(broken[0]?.found ?? "").toContain(found ?? "");
  });
});

test("each rule is shown to let something pass and to find something", () => {
  for (const { id } of RULES) {
    const found = (CASES[id] ?? []).map(([, , words]) => words !== undefined);
    expect(new Set(found), id).toEqual(new Set([true, false]));
  }
});

test("a violation says what is wrong, what was found, what is needed and what to do", () => {
  const [broken] = violations([step({ name: "ollama", file: [OLLAMA_FILE, "OLLAMA_HOST=0.0.0.0:11434\n"] })]);
  expect(violationText(broken!)).toMatchInlineSnapshot(`
    "Ollama would listen to the network. (engine-port-closed)
      found:   OLLAMA_HOST=0.0.0.0:11434 in /etc/tms-llm/ollama.env (step ollama)
      needed:  an address of loopback, such as 127.0.0.1:11434
      way out: put nothing but nginx in front of clients: the gateway checks keys, and no engine does"
  `);
});

const stack = (changes: Record<string, unknown> = {}): StackConfig =>
  stackSchema.parse({
    target: { kind: "ssh", host: "192.0.2.1", hostKey: HOST_KEY },
    models: [{ name: "m", source: "ollama:qwen3:8b", sha256: SOME_SHA256 }],
    access: { allow: ["10.0.0.0/8"] },
    ...changes,
  });

const broken = (config: StackConfig) => {
  const artifacts = { "ollama-0.17.4-linux-amd64": { path: "/a", sha256: SOME_SHA256, origin: "official" as const } };
  const context = { stack: "prod", architecture: "amd64", artifacts };
  return violations(plannedResources(config, context, makePlan(config, context)));
};

describe("what is planned for a host of one's own", () => {
  test("breaks no rule as it is", () => {
    expect(broken(stack())).toEqual([]);
  });

  test.each([
    ["a model by its name alone", { models: [{ name: "m", source: "ollama:qwen3:8b" }] }, ["pinned-artifacts"]],
    ["plain HTTP", { gateway: { tls: { mode: "off" } } }, ["encrypted-endpoint", "encrypted-endpoint"]],
    ["plain HTTP with consent", { gateway: { tls: { mode: "off", accept: "plain-http" } } }, []],
    [
      "a restricted licence",
      { models: [{ name: "m", source: "ollama:gemma2:9b", sha256: SOME_SHA256 }] },
      ["licence-accepted"],
    ],
    [
      "a restricted licence from a mirror",
      {
        models: [{ name: "m", source: "ollama:gemma2:9b", sha256: SOME_SHA256 }],
        mirrors: { ollamaLibrary: "registry.internal" },
      },
      ["licence-accepted"],
    ],
    [
      "a restricted licence with consent",
      { models: [{ name: "m", source: "ollama:gemma2:9b", sha256: SOME_SHA256, acceptLicence: "gemma" }] },
      [],
    ],
    ["the engine's port as the gateway's", { gateway: { port: 11434 } }, ["engine-port-closed"]],
  ])("%s", (_, changes, rules) => {
    expect(broken(stack(changes)).map(({ id }) => id)).toEqual(rules);
  });
});

test("each rule stands in docs/operate/policy.md in its own words", () => {
  const page = readFileSync(join(__dirname, "../../../../docs/operate/policy.md"), "utf8");
  const rows = page.split("\n").filter((line) => /^\| `/.test(line));
  expect(rows).toEqual(RULES.map(({ id, demand, exception }) => `| \`${id}\` | ${demand} | ${exception} |`));
});
