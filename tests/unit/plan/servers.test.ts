import { createServer, type Server } from "node:http";
import { createServer as createTcpServer, type AddressInfo } from "node:net";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, describe, expect, test } from "vitest";
import { SERVERS } from "../../../plan/catalog/servers";
import { stackSchema } from "../../../plan/config/schema";
import { parseFacts, type Facts } from "../../../plan/facts";
import { hostFacts as recordedFacts } from "../../../plan/host-facts";
import { planRequirements } from "../../../plan/plan";
import { judgePreflight, refusalText } from "../../../plan/preflight";
import { judgeServers, undownloadable } from "../../../plan/preflight/servers";
import { preflightScript } from "../../../plan/render/preflight-script";
import type { NeededServer, WayOut } from "../../../plan/servers";
import { hostFacts } from "../../fixtures/hosts/load";

const HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
const COMMIT = `hf.co/kakaocorp/kanana@${"0".repeat(40)}`;
const VLLM = {
  engine: { kind: "vllm" },
  models: [{ name: "m", source: COMMIT, sha256: "a".repeat(64), context: 4096 }],
};
const OLLAMA = (source: string) => ({ models: [{ name: "m", source, context: 4096, memory: "1 GiB" }] });

function wayOutOf(changes: Record<string, unknown>, host = "ubuntu-24.04"): WayOut | undefined {
  const config = stackSchema.parse({
    target: { kind: "ssh", host: "192.0.2.1", hostKey: HOST_KEY },
    models: [{ name: "tiny", source: "builtin:tiny", context: 4096 }],
    ...changes,
  });
  const facts = recordedFacts(hostFacts(host), config.existing);
  return planRequirements(config, { stack: "test", architecture: "amd64", facts }).wayOut;
}

const askedOf = (changes: Record<string, unknown>, host?: string) =>
  (wayOutOf(changes, host)?.servers ?? []).map(({ name, urls }) => `${name}: ${urls.join(" or ")}`);

const ARCHIVE = "ollama: https://github.com/ollama/ollama/releases/download/v0.17.4/ollama-linux-amd64.tar.zst";

describe("the servers that a host needs", () => {
  test.each<readonly [string, Record<string, unknown>, readonly string[]]>([
    ["a sandbox asks nobody", { target: { kind: "sandbox" } }, []],
    ["Ollama with weights of this machine", {}, [ARCHIVE]],
    [
      "Ollama with a model of its library",
      OLLAMA("ollama:qwen3:8b"),
      [ARCHIVE, "ollamaLibrary: https://registry.ollama.ai"],
    ],
    [
      "Ollama with a GGUF of Hugging Face",
      OLLAMA("hf.co/a/b-GGUF:Q4_K_M"),
      [ARCHIVE, "huggingFaceGguf: https://hf.co"],
    ],
    [
      "Ollama in the place of another, whose models it takes over",
      { ...OLLAMA("ollama:qwen3:8b"), existing: { ollama: "adopt" } },
      [ARCHIVE],
    ],
    [
      "Ollama behind mirrors",
      { ...OLLAMA("ollama:qwen3:8b"), mirrors: { ollama: "folder:/srv/o", ollamaLibrary: "registry.internal:5000" } },
      ["ollamaLibrary: https://registry.internal:5000"],
    ],
    [
      "vLLM",
      VLLM,
      [
        "installer: https://files.pythonhosted.org",
        "pypi: https://pypi.org/simple",
        "python: https://releases.astral.sh/github/python-build-standalone/releases/download or https://github.com/astral-sh/python-build-standalone/releases/download",
        "huggingFace: https://huggingface.co",
      ],
    ],
    [
      "vLLM behind mirrors",
      { ...VLLM, mirrors: { pypi: "https://m/simple", python: "file:///srv/python", huggingFace: "hf.internal" } },
      ["installer: https://m/simple", "pypi: https://m/simple", "huggingFace: https://hf.internal"],
    ],
    [
      "vLLM with wheels and weights on the host",
      {
        engine: { kind: "vllm", packages: "folder:/srv/wheels" },
        models: [{ ...VLLM.models[0], download: false }],
      },
      ["installer: https://files.pythonhosted.org"],
    ],
  ])("%s", (_, changes, servers) => {
    expect(askedOf(changes)).toEqual(servers);
  });

  test("NVIDIA's packages where the system's own archive does not have them", () => {
    const gpu = { driver: "install", containerToolkit: "install" };
    const toolkit = "nvidiaContainerToolkit: https://nvidia.github.io/libnvidia-container";
    expect(askedOf({ gpu }, "ubuntu-24.04")).toEqual([ARCHIVE, toolkit]);
    expect(askedOf({ gpu }, "oracle-8")).toEqual([
      ARCHIVE,
      "nvidiaDriver: https://developer.download.nvidia.com/compute/cuda/repos",
      toolkit,
    ]);
    expect(askedOf({ gpu, mirrors: { nvidiaDriver: { url: "file:///srv/cuda" } } }, "oracle-8")).toEqual([
      ARCHIVE,
      toolkit,
    ]);
  });
});

describe("a host that does not reach them", () => {
  const nobody = (servers: readonly NeededServer[]) =>
    servers.flatMap(({ urls }) => urls).map((url) => ({ url, status: null, fault: "(6) Could not resolve host" }));
  const judged = (wayOut: WayOut, changes: Partial<Facts> = {}) =>
    judgeServers({ ...hostFacts("ubuntu-24.04"), servers: nobody(wayOut.servers), ...changes }, wayOut);

  test("is refused with every server, what comes from there, and each way out", () => {
    expect(refusalText(judged(wayOutOf(VLLM)!))).toMatchSnapshot();
  });

  test("is told the proxy by which it was asked", () => {
    const wayOut = wayOutOf({ ...OLLAMA("ollama:qwen3:8b"), network: { proxy: "http://proxy.internal:3128" } })!;
    expect(refusalText(judged(wayOut))).toContain(
      "way out: see that http://proxy.internal:3128 lets it through; or have it from elsewhere: mirrors.ollamaLibrary;",
    );
  });

  test("is admitted with Ollama and weights of this machine: the archive is sent", () => {
    const wayOut = wayOutOf({})!;
    expect(judged(wayOut)).toEqual([]);
    const url = wayOut.servers[0]!.urls[0]!;
    expect(undownloadable({ ...hostFacts("ubuntu-24.04"), servers: nobody(wayOut.servers) }, url)).toMatch(/resolve/);
    expect(undownloadable({ ...hostFacts("ubuntu-24.04"), servers: [{ url, status: 404, fault: null }] }, url)).toBe(
      "the answer is HTTP 404",
    );
    expect(
      undownloadable({ ...hostFacts("ubuntu-24.04"), servers: [{ url, status: 200, fault: null }] }, url),
    ).toBeUndefined();
    expect(undownloadable(hostFacts("ubuntu-24.04"), url)).toBe("it has no curl yet to ask with");
  });

  test("is admitted where all of it is there from an earlier deployment, and without that not", () => {
    const wayOut = wayOutOf(VLLM)!;
    const ledger = wayOut.servers.flatMap(({ there }) => there).map((line) => ({ ...line }));
    const ours = (lines: typeof ledger) => ({ ours: { digest: null, used: [], ledger: lines } });
    expect(judged(wayOut, ours(ledger))).toEqual([]);
    expect(judged(wayOut, ours(ledger.filter(({ kind }) => kind !== "weights"))).map(({ id }) => id)).toEqual([
      "out-of-reach-huggingface.co",
    ]);
  });

  test("is admitted where one of two servers of the same thing answers, or another place was named there", () => {
    const wayOut = wayOutOf(VLLM)!;
    const [, second] = wayOut.servers.find(({ name }) => name === "python")!.urls;
    const servers = nobody(wayOut.servers).map((answer) =>
      answer.url === second ? { ...answer, status: 200 } : answer,
    );
    expect(judged(wayOut, { servers }).map(({ id }) => id)).not.toContain("out-of-reach-releases.astral.sh");
    expect(
      judged(wayOut, { servers: servers.filter(({ url }) => !url.includes("pypi.org")) }).map(({ id }) => id),
    ).not.toContain("out-of-reach-pypi.org");
  });

  test("is not judged by a report that was recorded before anybody asked", () => {
    const facts = hostFacts("ubuntu-24.04");
    const requirements = { memoryBytes: 0, diskBytes: {}, ports: [], wayOut: wayOutOf(VLLM)! };
    expect(judgePreflight(facts, requirements).refusals.filter(({ id }) => id.startsWith("out-of-reach"))).toEqual([]);
  });
});

describe.skipIf(process.platform !== "linux")("the question, asked by the preflight script on this machine", () => {
  const open: { close(): unknown }[] = [];
  afterEach(() => {
    for (const server of open.splice(0)) server.close();
  });

  async function listening(server: Server | ReturnType<typeof createTcpServer>): Promise<number> {
    open.push(server);
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    return (server.address() as AddressInfo).port;
  }

  const web = (status: number) => listening(createServer((_, response) => response.writeHead(status).end()));

  /** @param patience seconds, in the place of those that a host waits */
  async function answers(urls: readonly string[], rest: Partial<WayOut> = {}, unless?: string, patience = 5) {
    const server: NeededServer = { name: "pypi", urls, there: [], ...(unless === undefined ? {} : { unless }) };
    const made = preflightScript({ servers: [server], environment: {}, names: {}, ...rest });
    expect(made).toMatch(/^patience=10$/m);
    const script = made.replace(/^patience=10$/m, `patience=${patience}`);
    const began = performance.now();
    // Without a proxy of this machine's.
    const env = { PATH: process.env["PATH"] };
    const { stdout, stderr } = await execa("bash", ["-s"], { input: script, env, extendEnv: false });
    expect(stderr).toBe("");
    return { servers: parseFacts(stdout).servers, seconds: (performance.now() - began) / 1000 };
  }

  test("tells each server's status, a closed port and a name that nobody knows", async () => {
    const [good, busy] = [`http://127.0.0.1:${await web(401)}/`, `http://127.0.0.1:${await web(503)}/`];
    const { servers } = await answers([good, busy, "http://127.0.0.1:9/", "https://nobody.invalid/"]);
    expect(servers).toEqual([
      { url: good, status: 401, fault: null },
      { url: busy, status: 503, fault: null },
      { url: "http://127.0.0.1:9/", status: null, fault: expect.stringContaining("(7)") as string },
      // Where this machine's name server is silent, time is up before it is asked again.
      { url: "https://nobody.invalid/", status: null, fault: expect.stringMatching(/\((?:6|28)\)/) as string },
    ]);
  });

  test("waits for servers that are silent, all at once", async () => {
    const silent = await Promise.all([1, 2, 3, 4].map(() => listening(createTcpServer())));
    const urls = silent.map((port) => `http://127.0.0.1:${port}/`);
    const { servers, seconds } = await answers(urls, {}, undefined, 3);
    expect(servers?.map(({ status, fault }) => [status, fault?.slice(0, 4)])).toEqual(silent.map(() => [null, "(28)"]));
    // One after the other they would take twelve.
    expect(seconds).toBeLessThan(10);
  });

  test("knows names that the host is only going to be told", async () => {
    const url = `http://mirror.internal:${await web(200)}/`;
    expect((await answers([url], { names: { "mirror.internal": "127.0.0.1" } })).servers?.[0]?.status).toBe(200);
  });

  test("goes by the proxy", async () => {
    let asked = "";
    const proxy = await listening(
      createServer((request, response) => {
        asked = request.url!;
        response.writeHead(204).end();
      }),
    );
    const { servers } = await answers(["http://nobody.invalid/"], {
      environment: { http_proxy: `http://127.0.0.1:${proxy}` },
    });
    expect(servers?.[0]?.status).toBe(204);
    expect(asked).toBe("http://nobody.invalid/");
  });

  test("is not asked where the host has a file by which nothing comes from there", async () => {
    expect((await answers(["http://127.0.0.1:9/"], {}, "/etc/passwd")).servers).toEqual([]);
  });
});

test("a host without a network has the installer among its wheels, and is not asked for it then", () => {
  const changes = {
    engine: { kind: "vllm", packages: "folder:/srv/wheels" },
    models: [{ ...VLLM.models[0], download: false }],
  };
  expect(wayOutOf(changes)!.servers[0]!.unless).toMatch(/^\/srv\/wheels\/uv-[\d.]+-.*x86_64\.whl$/);
});

test("a driver and a container toolkit of somebody else's, which stay as they are, need no server of NVIDIA's", () => {
  const gpu = { driver: "install", containerToolkit: "install" };
  const needed = wayOutOf({ gpu }, "oracle-8")!.servers.filter(({ name }) => name.startsWith("nvidia"));
  expect(needed.map(({ name, unless }) => [name, unless])).toEqual([
    ["nvidiaDriver", "/usr/bin/nvidia-smi"],
    ["nvidiaContainerToolkit", "/usr/bin/nvidia-ctk"],
  ]);
});

test("every server that this project asks by itself is one of the list", () => {
  const listed = Object.values(SERVERS)
    .flatMap(({ urls }) => urls)
    .map((url) => new URL(url).host);
  const asked = [
    "toolchain/plugins.ts",
    "toolchain/pulumi-cli.ts",
    "toolchain/sandbox-image.ts",
    "plan/mirrors.ts",
    "plan/catalog/drivers.ts",
    "plan/catalog/container-toolkit.ts",
    "plan/catalog/python.ts",
  ]
    .map((file) => readFileSync(join(__dirname, "../../..", file), "utf8"))
    .flatMap((text) => [...text.matchAll(/"https:\/\/([a-z0-9.-]+)[/"]/g)].map(([, host]) => host));
  expect(asked.filter((host) => !listed.includes(host!))).toEqual([]);
});
