import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Mount } from "../../plan/sandbox";
import type { Step } from "../../plan/step";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { checkHost, deliver, deploy, removeAll, runPhase, submitPhase, type StepReport } from "../harness/deployment";
import { sabotaged } from "../harness/gateway";
import { COMMIT, HUB, HubStandIn } from "../harness/hub";
import {
  ENGINE_MISSING,
  engineMounts,
  engineStack,
  prepareEngine,
  stackSteps,
  type EngineMaterial,
} from "../harness/python-engine";
import { differences, takeSnapshot, type Snapshot } from "../harness/snapshot";

const MISSING = ENGINE_MISSING.transformers;
const WHY = DOCKER_MISSING ? "needs Docker" : (MISSING ?? "on a CPU");

/** The key of the client tms, as the harness makes it. */
const KEY = "clienttmsa".padEnd(43, "0");
const ENDPOINT = "http://127.0.0.1:8080";
const UNIT = "llm-transformers.service";

const mounted = ({ source, target }: Mount) => ["--volume", `${source}:${target}:ro`];

/** The service's data outlives its deployment, in the hands of root. */
const isNoData = (line: string) =>
  !/^path \/opt\/llm(\/(models|cache)(\/.*)?)?: was absent, is . root:root /.test(line);

describe.skipIf(DOCKER_MISSING || MISSING !== undefined)(`Transformers on a bare host (${WHY})`, () => {
  let material: EngineMaterial;
  let host: BareHost;
  let hub: HubStandIn;
  let bare: Snapshot;
  let steps: readonly Step[];

  const planned = (engine: Record<string, unknown> = {}, model: Record<string, unknown> = {}) =>
    stackSteps(material, engineStack("transformers", engine, model));

  beforeAll(async () => {
    material = await prepareEngine("transformers");
    host = await BareHost.start(material.image, engineMounts(material, engineStack("transformers")).flatMap(mounted));
    hub = await HubStandIn.start(host);
    await hub.trust();
    await hub.publish("tiny/model", { "modeling_tiny.py": "raise SystemExit\n" });
    await hub.down();
    bare = await takeSnapshot(host);
    steps = planned();
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
  const long = completion({ ignore_eos: true, max_tokens: 600 });

  async function untilServing(): Promise<void> {
    await host.shell(
      `for second in $(seq 180); do curl --silent --fail --output /dev/null ${ENDPOINT}/health && exit; sleep 1; done; exit 1`,
    );
  }

  test("is installed from its lock file, proven, and left alone by a second run", async () => {
    const first = await deploy(host, steps);
    expect(changes(first)).toEqual(expect.arrayContaining(["transformers", "transformers-model", "gateway"]));
    console.log(
      "milliseconds by step:",
      Object.fromEntries(first.map(({ step, milliseconds }) => [step, milliseconds])),
    );
    console.log(await host.shell("du -sh /opt/llm/transformers; du -sh /srv/tms-llm/wheels"));
    expect(changes(await deploy(host, steps))).toEqual([]);
    expect(await checkHost(host)).toEqual([]);
  });

  test("streams an answer through nginx under the model's own name, to the last word", async () => {
    const { status, text } = await ask("/v1/chat/completions", completion());
    expect(status).toBe(200);
    expect(text.match(/^data: \{.*"delta":\{"content":/gm)!.length).toBeGreaterThan(20);
    expect(text).toMatch(/[가-힣]/);
    expect(text).toContain('"model":"tiny"');
    expect(text).toContain('"finish_reason":"stop"');
    expect(text).toMatch(/"usage":\{"completion_tokens":\d+/);
    expect(text.trimEnd()).toMatch(/data: \[DONE\]$/);
  });

  test("answers at once, and completes a text", async () => {
    const whole = await ask("/v1/chat/completions", completion({ stream: false, max_tokens: 8 }));
    expect(whole.status).toBe(200);
    expect(whole.text).toMatch(/"model":"tiny".*"completion_tokens":8/);
    const text = await ask("/v1/completions", { model: "tiny", prompt: "안녕하세요", max_tokens: 8 });
    expect(text.status).toBe(200);
    expect(text.text).toMatch(/"object":"text_completion".*"completion_tokens":8/);
  });

  test("goes on to the last word that it may have where a client wants that", async () => {
    const whole = await ask("/v1/chat/completions", completion({ stream: false, ignore_eos: true, max_tokens: 300 }));
    expect(whole.text).toMatch(/"finish_reason":"length"/);
    expect(whole.text).toMatch(/"completion_tokens":300/);
    const biased = await ask(
      "/v1/chat/completions",
      completion({ stream: false, logit_bias: { 4: -100 }, max_tokens: 300 }),
    );
    expect(biased.text).toMatch(/"completion_tokens":300/);
  });

  test("names the one model that it serves", async () => {
    expect((await ask("/v1/models")).text).toContain('"data":[{"id":"tiny",');
  });

  test.each(["/load_model", "/reset", "/v1/responses", "/v1/systemone", "/v1/audio/transcriptions", "/docs"])(
    "%s of the engine is closed, at the gateway and behind it",
    async (path) => {
      expect((await ask(path, {})).status).toBe(404);
      const direct = `curl --silent --output /dev/null --write-out '%{http_code}' --unix-socket /run/httpd-llm-transformers/engine.sock --json '{}' http://x${path}`;
      expect(await host.shell(direct)).toBe("404");
    },
  );

  test.each<[fault: string, body: unknown, status: number, message: RegExp]>([
    ["another model", completion({ model: "gpt2" }), 404, /"code": "model_not_found"/],
    ["a folder of the host as model", completion({ model: "/etc" }), 404, /"code": "model_not_found"/],
    ["a field that it does not know", completion({ top_k: 3 }), 400, /Unexpected fields.*top_k/],
    ["a template of the client's", completion({ chat_template_kwargs: { chat_template: "x" } }), 400, /own template/],
    ["a generation_config", completion({ generation_config: "{}" }), 400, /not taken from clients/],
    [
      "a picture by its path",
      completion({ messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "/etc/passwd" } }] }] }),
      400,
      /type text alone/,
    ],
    [
      "a prompt longer than the context",
      completion({ messages: [{ role: "user", content: "안녕하세요 ".repeat(3000) }] }),
      400,
      /The prompt has \d+ tokens, and the model's context is 2048/,
    ],
  ])("%s is refused in OpenAI's form", async (_, body, status, message) => {
    const answer = await ask("/v1/chat/completions", body);
    expect(answer.status).toBe(status);
    expect(answer.text).toMatch(/\{"error": \{"message": /);
    expect(answer.text).toMatch(message);
  });

  test("its socket is for nginx alone, and it listens nowhere", async () => {
    const reach = (user: string) =>
      host.ask(
        `runuser -u ${user} -- curl --silent --max-time 5 --unix-socket /run/httpd-llm-transformers/engine.sock http://x/health`,
      );
    expect((await reach("www-data")).exitCode).toBe(0);
    expect((await reach("nobody")).exitCode).not.toBe(0);
    expect(await host.shell("ss -Hltnp | grep -i -e transformers -e python; true")).toBe("");
  });

  test("its unit is as closed as the engine permits", async () => {
    const score = await host.shell(`systemd-analyze security ${UNIT} --no-pager | tail -n 1`);
    console.log(score);
    expect(Number(/: ([\d.]+) /.exec(score)![1])).toBeLessThanOrEqual(1.5);
    console.log(await host.shell(`systemctl show ${UNIT} -P MemoryCurrent -P MemoryPeak`));
  });

  test("who finds it full gets 503 with Retry-After, in OpenAI's form", async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, () => ask("/v1/chat/completions", long)));
    const refused = answers.filter(({ status }) => status === 503);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(2);
    expect(refused).toHaveLength(4);
    for (const { text } of refused) expect(text).toMatch(/Retry-After: \d+[^]*"code":"service_unavailable"/i);
  });

  test.each([
    ["streams", true],
    ["waits for the whole answer", false],
  ])("a client that %s and hangs up frees the engine", async (_, stream) => {
    const endless = JSON.stringify({ ...long, stream, max_tokens: 2000 });
    const started = await host.ask(
      `curl --silent --max-time 2 --output /dev/null --header 'Authorization: Bearer ${KEY}' --json @- ${ENDPOINT}/v1/chat/completions`,
      endless,
    );
    expect(started.exitCode).toBe(28);
    // Were it still at work, the next one would wait behind 2000 words.
    await host.shell(
      `ticks() { awk '{ print $14 + $15 }' /proc/$(systemctl show ${UNIT} -P MainPID)/stat; }; for i in $(seq 20); do now=$(ticks); sleep 1; [ $(($(ticks) - now)) -lt 20 ] && exit; done; exit 1`,
    );
    expect((await ask("/v1/chat/completions", completion({ max_tokens: 4 }))).status).toBe(200);
  });

  test("a killed engine comes back by itself", async () => {
    const main = () => host.shell(`systemctl show ${UNIT} -P MainPID`);
    const before = await main();
    await host.shell(`kill -9 ${before}`);
    const meanwhile = await ask("/v1/chat/completions", completion());
    expect(meanwhile.status).toBe(503);
    expect(meanwhile.text).toMatch(/Retry-After: \d+/i);
    await untilServing();
    expect(await main()).not.toBe(before);
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
    expect(changes(await runPhase(host, "model", modelPhase(steps)))).toEqual(["transformers-model"]);
    expect(await checkHost(host)).toEqual([]);
  });

  test.each<[failure: string, plan: () => readonly Step[], message: RegExp]>([
    [
      "a setting that it does not know",
      () =>
        planned({}, { context: 1024 }).map((step) =>
          step.name === "transformers-model" ? sabotaged(step, '"dtype": "float32"', '"dtype": "float33"') : step,
        ),
      /Transformers ended while it started\n {2}why: [^]*Unsupported dtype: 'float33'/,
    ],
    [
      "less memory than it needs",
      () => planned({ memoryMax: "256 MiB" }),
      /Transformers ended while it started\n {2}why: the kernel killed it, .*\n {2}way out: raise engine\.memoryMax/,
    ],
  ])("%s: the new deployment is refused with its reason, and the former serves again", async (_, plan, message) => {
    const failed = await submitPhase(host, "model", modelPhase(plan()));
    expect(failed.exitCode).not.toBe(0);
    expect(failed.stderr).toMatch(message);
    await untilServing();
    expect((await ask("/v1/chat/completions", completion())).status).toBe(200);
    await runPhase(host, "model", modelPhase(steps));
    expect(await checkHost(host)).toEqual([]);
  });

  test("weights that lie on the host are served where they are, if they are safetensors and the right ones", async () => {
    const folder = "/srv/models/tiny";
    await host.shell(
      `mkdir -p ${folder} && cp /opt/llm/models/transformers/*/*.* ${folder} && chmod -R a+rX /srv/models`,
    );
    const list = `cd ${folder} && find . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum`;
    const checksum = async () => (await host.shell(list)).split(" ")[0]!;
    const given = (sha256: string) => modelPhase(planned({}, { source: `folder:${folder}`, sha256 }));

    const right = await checksum();
    const refused = await submitPhase(host, "model", given("0".repeat(64)));
    expect(refused.stderr).toContain(`why: expected ${"0".repeat(64)}, found ${right}`);
    expect((await ask("/v1/chat/completions", completion())).status).toBe(200);
    expect(changes(await runPhase(host, "model", given(right)))).toEqual(["transformers-model"]);
    expect(changes(await runPhase(host, "model", given(right)))).toEqual([]);
    expect((await ask("/v1/chat/completions", completion())).status).toBe(200);

    // The sent weights had left the plan, and so the host.
    await deliver(host, modelPhase(steps));
    await runPhase(host, "model", modelPhase(steps));
    await host.shell(`mv ${folder}/model.safetensors ${folder}/pytorch_model.bin`);
    const pickled = await submitPhase(host, "model", given(await checksum()));
    expect(pickled.stderr).toMatch(
      /no safetensors in .*\n {2}way out: take the model's files in the safetensors format/,
    );
    await deliver(host, modelPhase(steps));
    await runPhase(host, "model", modelPhase(steps));
    await host.shell("rm -r /srv/models");
  });

  test("weights of a commit are fetched by its own client from a stand-in of the Hub, and served without it", async () => {
    const config = engineStack("transformers", {}, { source: `hf.co/tiny/model@${COMMIT}` });
    const fetching = modelPhase(stackSteps(material, { ...config, mirrors: { huggingFace: HUB } }));
    await hub.up();
    expect(changes(await runPhase(host, "model", fetching))).toEqual(["transformers-model"]);
    await hub.down();
    expect((await ask("/v1/chat/completions", completion())).status).toBe(200);
    await host.shell(`systemctl restart ${UNIT}`);
    await untilServing();
    expect((await ask("/v1/chat/completions", completion())).text).toMatch(/[가-힣]/);
    expect(changes(await runPhase(host, "model", fetching))).toEqual([]);
    expect(await checkHost(host)).toEqual([]);
    await deliver(host, modelPhase(steps));
    await runPhase(host, "model", modelPhase(steps));
    expect(await host.shell("ls /opt/llm/models")).not.toContain("huggingface");
  });

  test("a removal takes everything back but the models", async () => {
    await removeAll(host);
    const left = differences(bare, await takeSnapshot(host), "equivalent");
    expect(left.filter(isNoData)).toEqual([]);
  });
});
