import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Mount } from "../../plan/sandbox";
import type { Step } from "../../plan/step";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { checkHost, deliver, deploy, removeAll, runPhase, submitPhase, type StepReport } from "../harness/deployment";
import { sabotaged } from "../harness/gateway";
import { differences, takeSnapshot, type Snapshot } from "../harness/snapshot";
import {
  ENGINE_MISSING,
  engineMounts,
  engineStack,
  prepareEngine,
  stackSteps,
  type EngineMaterial,
} from "../harness/python-engine";

const WHY = DOCKER_MISSING ? "needs Docker" : (ENGINE_MISSING.vllm ?? "the build for CPUs");

/** The key of the client tms, as the harness makes it. */
const KEY = "clienttmsa".padEnd(43, "0");
const ENDPOINT = "http://127.0.0.1:8080";
const UNIT = "llm-vllm.service";

const vllmConfig = (engine: Record<string, unknown> = {}, model: Record<string, unknown> = {}) =>
  engineStack("vllm", engine, model);
const vllmSteps = (material: EngineMaterial, config = vllmConfig()) => stackSteps(material, config);

const mounted = ({ source, target }: Mount) => ["--volume", `${source}:${target}:ro`];

/** The service's data outlives its deployment, in the hands of root. */
const isNoData = (line: string) =>
  !/^path \/opt\/llm(\/(models|cache)(\/.*)?)?: was absent, is . root:root /.test(line);

describe.skipIf(DOCKER_MISSING || ENGINE_MISSING.vllm !== undefined)(`vLLM on a bare host (${WHY})`, () => {
  let material: EngineMaterial;
  let host: BareHost;
  let bare: Snapshot;
  let steps: readonly Step[];

  beforeAll(async () => {
    material = await prepareEngine("vllm");
    host = await BareHost.start(material.image, engineMounts(material, vllmConfig()).flatMap(mounted));
    bare = await takeSnapshot(host);
    steps = vllmSteps(material);
  });
  afterAll(() => host.remove());

  const modelPhase = (plan: readonly Step[]) => plan.filter(({ phase }) => phase === "model");
  const changes = (reports: readonly StepReport[]) =>
    reports.filter(({ changed }) => changed > 0).map(({ step }) => step);

  /** A request through nginx: status, then headers and body as they came. */
  async function ask(path: string, body?: unknown): Promise<{ status: number; text: string }> {
    const post = body === undefined ? "" : `--json @-`;
    const text = await host.shell(
      `curl --silent --include --no-buffer --max-time 120 --header 'Authorization: Bearer ${KEY}' ${post} ${ENDPOINT}${path}`,
      body === undefined ? "" : JSON.stringify(body),
    );
    return { status: Number(/^HTTP\/\S+ (\d+)/.exec(text)![1]), text };
  }

  const completion = (more: Record<string, unknown> = {}) => ({
    model: "tiny",
    stream: true,
    temperature: 0,
    messages: [{ role: "user", content: "안녕하세요" }],
    ...more,
  });

  /** An answer of some seconds. */
  const long = completion({ ignore_eos: true, max_tokens: 2000 });

  async function untilServing(): Promise<void> {
    await host.shell(
      `for second in $(seq 180); do curl --silent --fail --output /dev/null ${ENDPOINT}/health && exit; sleep 1; done; exit 1`,
    );
  }

  test("is installed from its lock file, proven, and left alone by a second run", async () => {
    const first = await deploy(host, steps);
    expect(changes(first)).toEqual(expect.arrayContaining(["vllm", "vllm-model", "gateway"]));
    console.log(
      "milliseconds by step:",
      Object.fromEntries(first.map(({ step, milliseconds }) => [step, milliseconds])),
    );
    expect(changes(await deploy(host, steps))).toEqual([]);
    expect(await checkHost(host)).toEqual([]);
  });

  test("streams an answer through nginx", async () => {
    const { status, text } = await ask("/v1/chat/completions", completion());
    expect(status).toBe(200);
    expect(text.match(/^data: \{.*"delta":\{"content":/gm)!.length).toBeGreaterThan(20);
    expect(text).toMatch(/[가-힣]/);
    expect(text).toContain('"finish_reason":"stop"');
    expect(text.trimEnd()).toMatch(/data: \[DONE\]$/);
  });

  test.each(["/invocations", "/tokenize", "/metrics", "/scale_elastic_ep", "/docs", "/v1/responses"])(
    "%s of the engine is closed",
    async (path) => {
      expect((await ask(path, {})).status).toBe(404);
    },
  );

  test("its socket is for nginx alone, and it listens nowhere but on loopback", async () => {
    const reach = (user: string) =>
      host.ask(
        `runuser -u ${user} -- curl --silent --max-time 5 --unix-socket /run/httpd-llm-vllm/engine.sock http://x/health`,
      );
    expect((await reach("www-data")).exitCode).toBe(0);
    expect((await reach("nobody")).exitCode).not.toBe(0);
    const listeners = await host.shell("ss -Hltnp | grep -i -e vllm -e python | awk '{ print $4 }'; true");
    expect(listeners.split("\n").filter((address) => address !== "" && !address.startsWith("127.0.0.1:"))).toEqual([]);
  });

  test("its key is in root's files and nowhere else", async () => {
    const key = "enginevllm".padEnd(43, "0");
    expect(await host.shell(`stat -c '%U %a' /etc/tms-llm/vllm.env /etc/nginx/tms-llm/engine.conf`)).toBe(
      "root 600\nroot 600",
    );
    // The pattern is in a file, since the search would find its own command line.
    const found = await host.shell(
      "cat >/tmp/key; { cat /proc/[0-9]*/cmdline; journalctl -o cat; } 2>/dev/null | grep -acFf /tmp/key; true",
      key,
    );
    expect(found).toBe("0");
  });

  test("its unit is as closed as the engine permits", async () => {
    const score = await host.shell(`systemd-analyze security ${UNIT} --no-pager | tail -n 1`);
    console.log(score);
    expect(Number(/: ([\d.]+) /.exec(score)![1])).toBeLessThanOrEqual(1.5);
    console.log(await host.shell("ps -eo rss,comm | grep -i -e vllm"));
  });

  test("who finds it full gets 503 with Retry-After, in OpenAI's form", async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, () => ask("/v1/chat/completions", long)));
    const refused = answers.filter(({ status }) => status === 503);
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
    expect(refused.length).toBeGreaterThan(0);
    for (const { text } of refused) expect(text).toMatch(/Retry-After: \d+[^]*"code":"service_unavailable"/i);
  });

  /** Sum of a counter of the engine's, over all its labels. */
  const counted = async (name: string) =>
    Number(
      await host.shell(
        `curl --silent --fail --unix-socket /run/httpd-llm-vllm/engine.sock http://x/metrics | awk '/^vllm:${name}[{ ]/ { sum += $NF } END { print sum + 0 }'`,
      ),
    );

  test.each([
    ["streams", true],
    ["waits for the whole answer", false],
  ])("a client that %s and hangs up frees the engine", async (_, stream) => {
    const finished = await counted("request_success_total");
    const endless = JSON.stringify({ ...long, stream });
    const started = await host.ask(
      `curl --silent --max-time 1 --output /dev/null --header 'Authorization: Bearer ${KEY}' --json @- ${ENDPOINT}/v1/chat/completions`,
      endless,
    );
    expect(started.exitCode).toBe(28);
    await host.shell(
      `for i in $(seq 100); do curl --silent --unix-socket /run/httpd-llm-vllm/engine.sock http://x/metrics | grep -q '^vllm:num_requests_running{.*} 0' && exit; sleep 0.1; done; exit 1`,
    );
    // It is free because it gave up, not because it was done.
    expect(await counted("request_success_total")).toBe(finished);
    expect((await ask("/v1/chat/completions", completion({ max_tokens: 4 }))).status).toBe(200);
  });

  test("a killed core comes back by itself, and who was being answered is told", async () => {
    const core = () => host.shell("pgrep -f '^VLLM::EngineCor'");
    const before = await core();
    const streaming = ask("/v1/chat/completions", long);
    await host.shell("sleep 1");
    await host.shell(`kill -9 ${before}`);
    const lastWords = (await streaming).text.slice(-600);
    expect(lastWords).toMatch(/^data: ?\{"error":/m);
    expect(lastWords).not.toMatch(/"finish_reason":"(stop|length)"/);
    await host.shell("for i in $(seq 30); do pgrep -f '^VLLM::EngineCor' >/dev/null || exit 0; sleep 1; done");
    expect((await ask("/v1/chat/completions", completion())).status).toBe(503);
    await untilServing();
    expect(await core()).not.toBe(before);
    expect((await ask("/v1/chat/completions", completion())).status).toBe(200);
    expect(await checkHost(host)).toEqual([]);
  });

  test("a stop lets the answer that is under way end, and newcomers wait", async () => {
    const streaming = ask("/v1/chat/completions", long);
    await host.shell("sleep 1");
    const stopping = host.shell(`systemctl stop ${UNIT}`);
    await host.shell("sleep 0.5");
    const newcomer = await ask("/v1/chat/completions", completion());
    const { status, text } = await streaming;
    await stopping;
    expect(newcomer.status).toBe(503);
    expect(newcomer.text).toMatch(/Retry-After: \d+/i);
    expect(status).toBe(200);
    expect(text).toContain('"finish_reason":"length"');
    expect(text.trimEnd()).toMatch(/data: \[DONE\]$/);
    expect(await checkHost(host)).not.toEqual([]);
    expect(changes(await runPhase(host, "model", modelPhase(steps)))).toEqual(["vllm-model"]);
    expect(await checkHost(host)).toEqual([]);
  });

  test("a stop waits for no answer longer than the drain and its reserve: who does not get the rest is told", async () => {
    await runPhase(host, "model", modelPhase(vllmSteps(material, vllmConfig({ drain: "1s" }))));
    await untilServing();
    const streaming = host.ask(
      `curl --silent --no-buffer --max-time 120 --header 'Authorization: Bearer ${KEY}' --json @- ${ENDPOINT}/v1/chat/completions`,
      JSON.stringify(long),
    );
    await host.shell(`sleep 1; systemctl stop ${UNIT}`);
    const { exitCode, stdout } = await streaming;
    expect(stdout).toContain('"delta":{"content":');
    expect(stdout).not.toMatch(/"finish_reason":"(stop|length)"/);
    if (stdout.includes("[DONE]")) expect(stdout).toMatch(/"finish_reason":"abort"|^data: \{"error":/m);
    else expect(exitCode).not.toBe(0);
    await runPhase(host, "model", modelPhase(steps));
    expect(await checkHost(host)).toEqual([]);
  });

  test.each<[failure: string, plan: () => readonly Step[], message: RegExp]>([
    [
      "a flag that this version does not know",
      () =>
        vllmSteps(material, vllmConfig({}, { context: 1024 })).map((step) =>
          step.name === "vllm-model" ? sabotaged(step, "max-num-seqs", "max-num-seqz") : step,
        ),
      /vLLM ended while it started\n {2}why: [^]*\n {2}way out: [^]*--max-num-seqz/,
    ],
    [
      "more memory for the KV cache than there is",
      () => vllmSteps(material, vllmConfig({ kvCacheMemory: "1 TiB" })),
      /vLLM ended while it started\n {2}why: [^]*\n {2}way out: [\d.]+ GiB of memory are free and 1024\.\d+ are asked for/,
    ],
    [
      "less memory than it needs",
      () => vllmSteps(material, vllmConfig({ memoryMax: "1 GiB" })),
      /vLLM ended while it started\n {2}why: the kernel killed it, .*\n {2}way out: raise engine\.memoryMax/,
    ],
  ])("%s: the new deployment is refused with advice, and the former serves again", async (_, plan, message) => {
    const failed = await submitPhase(host, "model", modelPhase(plan()));
    expect(failed.exitCode).not.toBe(0);
    expect(failed.stderr).toMatch(message);
    await untilServing();
    expect((await ask("/v1/chat/completions", completion())).status).toBe(200);
    await runPhase(host, "model", modelPhase(steps));
    expect(await checkHost(host)).toEqual([]);
  });

  test("weights that lie on the host are served where they are, if they are the right ones", async () => {
    const folder = "/srv/models/tiny";
    await host.shell(`mkdir -p ${folder} && cp /opt/llm/models/vllm/*/*.* ${folder} && chmod -R a+rX /srv/models`);
    const list = `cd ${folder} && find . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum`;
    const sha256 = (await host.shell(list)).split(" ")[0]!;
    const given = (checksum: string) =>
      modelPhase(vllmSteps(material, vllmConfig({}, { source: `folder:${folder}`, sha256: checksum })));

    const refused = await submitPhase(host, "model", given("0".repeat(64)));
    expect(refused.stderr).toContain(`why: expected ${"0".repeat(64)}, found ${sha256}`);
    expect((await ask("/v1/chat/completions", completion())).status).toBe(200);

    expect(changes(await runPhase(host, "model", given(sha256)))).toEqual(["vllm-model"]);
    expect(changes(await runPhase(host, "model", given(sha256)))).toEqual([]);
    expect((await ask("/v1/chat/completions", completion())).status).toBe(200);
    await host.shell(`echo >>${folder}/config.json`);
    expect(await checkHost(host)).toMatchObject([{ what: `weights in ${folder}` }]);

    // The sent weights had left the plan, and so the host.
    await deliver(host, modelPhase(steps));
    await runPhase(host, "model", modelPhase(steps));
    await host.shell("rm -r /srv/models");
  });

  test("a removal takes everything back but the models", async () => {
    await removeAll(host);
    const left = differences(bare, await takeSnapshot(host), "equivalent");
    expect(left.filter(isNoData)).toEqual([]);
  });
});
