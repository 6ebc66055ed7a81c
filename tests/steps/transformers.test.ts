import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Step } from "../../plan/step";
import { checkHost, deploy } from "../harness/deployment";
import { completion, EngineHost, engineTests, folderChecksum, longCompletion } from "../harness/engine-host";
import { COMMIT, HUB, HubStandIn } from "../harness/hub";

/** What Transformers does in a way of its own; what it has in common with vLLM is in python-engines.test.ts. */

const { skip, title } = engineTests("transformers");

describe.skipIf(skip)(`Transformers on a bare host (${title})`, () => {
  let transformers: EngineHost;
  let hub: HubStandIn;
  let steps: readonly Step[];

  beforeAll(async () => {
    transformers = await EngineHost.start("transformers");
    hub = await HubStandIn.start(transformers.host);
    await hub.trust();
    await hub.publish("tiny/model", { "modeling_tiny.py": "raise SystemExit\n" });
    await hub.down();
    steps = transformers.planned();
    await deploy(transformers.host, steps);
  });
  afterAll(() => transformers.remove());
  beforeEach(({ onTestFailed }) => {
    onTestFailed(async () => console.error(await transformers.host.journal()));
  });

  test("tells a stream's use of tokens unasked", async () => {
    expect((await transformers.chat(completion())).text).toMatch(/"usage":\{"completion_tokens":\d+/);
  });

  test("answers at once, and completes a text", async () => {
    const whole = await transformers.chat(completion({ stream: false, max_tokens: 8 }));
    expect(whole.status).toBe(200);
    expect(whole.text).toMatch(/"model":"tiny".*"completion_tokens":8/);
    const text = await transformers.ask("/v1/completions", { model: "tiny", prompt: "안녕하세요", max_tokens: 8 });
    expect(text.status).toBe(200);
    expect(text.text).toMatch(/"object":"text_completion".*"completion_tokens":8/);
  });

  test("goes on to the last word that it may have where a client wants that", async () => {
    const whole = await transformers.chat(completion({ stream: false, ignore_eos: true, max_tokens: 300 }));
    expect(whole.text).toMatch(/"finish_reason":"length"/);
    expect(whole.text).toMatch(/"completion_tokens":300/);
    const biased = await transformers.ask(
      "/v1/chat/completions",
      completion({ stream: false, logit_bias: { 4: -100 }, max_tokens: 300 }),
    );
    expect(biased.text).toMatch(/"completion_tokens":300/);
  });

  test("names the one model that it serves", async () => {
    expect((await transformers.ask("/v1/models")).text).toContain('"data":[{"id":"tiny",');
  });

  test.each(["/load_model", "/reset", "/v1/responses", "/v1/systemone", "/v1/audio/transcriptions", "/docs"])(
    "%s of the engine is closed, at the gateway and behind it",
    async (path) => {
      expect((await transformers.ask(path, {})).status).toBe(404);
      const direct = `curl --silent --output /dev/null --write-out '%{http_code}' --unix-socket ${transformers.socket} --json '{}' http://x${path}`;
      expect(await transformers.host.shell(direct)).toBe("404");
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
      completion({ messages: [{ role: "user", content: "안녕하세요 ".repeat(12000) }] }),
      400,
      /The prompt has \d+ tokens, and the model's context is 8192/,
    ],
  ])("%s is refused in OpenAI's form", async (_, body, status, message) => {
    const answer = await transformers.chat(body);
    expect(answer.status).toBe(status);
    expect(answer.text).toMatch(/\{"error": \{"message": /);
    expect(answer.text).toMatch(message);
  });

  test.each([
    ["streams", true],
    ["waits for the whole answer", false],
  ])("a client that %s and hangs up frees the engine", async (_, stream) => {
    expect(await transformers.hangUp(2, { ...longCompletion(8000), stream })).toBe(28);
    // Were it still at work, the next one would wait behind 8000 words.
    await transformers.host.shell(
      `ticks() { awk '{ print $14 + $15 }' /proc/$(systemctl show ${transformers.unit} -P MainPID)/stat; }; for i in $(seq 20); do now=$(ticks); sleep 1; [ $(($(ticks) - now)) -lt 20 ] && exit; done; exit 1`,
    );
    expect((await transformers.chat(completion({ max_tokens: 4 }))).status).toBe(200);
  });

  test("a killed engine comes back by itself", async () => {
    const main = () => transformers.host.shell(`systemctl show ${transformers.unit} -P MainPID`);
    const before = await main();
    await transformers.host.shell(`kill -9 ${before}; while [ -e /proc/${before} ]; do sleep 0.02; done`);
    const meanwhile = await transformers.chat(completion());
    expect(meanwhile.status).toBe(503);
    expect(meanwhile.text).toMatch(/Retry-After: \d+/i);
    await transformers.untilServing();
    expect(await main()).not.toBe(before);
    expect((await transformers.chat(completion())).status).toBe(200);
    expect(await checkHost(transformers.host)).toEqual([]);
  });

  test("weights that are not safetensors are refused", async () => {
    const folder = "/srv/models/tiny";
    await transformers.host.shell(
      `mkdir -p ${folder} && cp /opt/llm/models/transformers/*/*.* ${folder} && chmod -R a+rX /srv/models && mv ${folder}/model.safetensors ${folder}/pytorch_model.bin`,
    );
    const sha256 = await folderChecksum(transformers.host, folder);
    const pickled = await transformers.tryToServe(transformers.planned({}, { source: `folder:${folder}`, sha256 }));
    expect(pickled.stderr).toMatch(
      /no safetensors in .*\n {2}way out: take the model's files in the safetensors format/,
    );
    await transformers.serve(steps);
    await transformers.host.shell("rm -r /srv/models");
  });

  test("weights of a commit are fetched by its own client from a stand-in of the Hub, and served without it", async () => {
    const fetching = transformers.fetching(`hf.co/tiny/model@${COMMIT}`, HUB);
    await hub.up();
    expect(await transformers.serve(fetching)).toEqual(["transformers-model"]);
    await hub.down();
    expect((await transformers.chat(completion())).status).toBe(200);
    await transformers.host.shell(`systemctl restart ${transformers.unit}`);
    await transformers.untilServing();
    expect((await transformers.chat(completion())).text).toMatch(/[가-힣]/);
    expect(await transformers.serve(fetching)).toEqual([]);
    expect(await checkHost(transformers.host)).toEqual([]);
    await transformers.serve(steps);
    expect(await transformers.host.shell("ls /opt/llm/models")).not.toContain("huggingface");
  });
});
