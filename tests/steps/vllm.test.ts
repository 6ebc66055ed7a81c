import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Step } from "../../plan/step";
import { checkHost, deploy, sampleSecret } from "../harness/deployment";
import { completion, EngineHost, engineTests, longCompletion } from "../harness/engine-host";

/** What vLLM does in a way of its own; what it has in common with Transformers is in python-engines.test.ts. */

const { skip, title } = engineTests("vllm");

describe.skipIf(skip)(`vLLM on a bare host (${title})`, () => {
  /** An answer of many seconds. */
  const long = longCompletion(8000);
  let vllm: EngineHost;
  let steps: readonly Step[];

  beforeAll(async () => {
    vllm = await EngineHost.start("vllm");
    steps = vllm.planned();
    await deploy(vllm.host, steps);
  });
  afterAll(() => vllm.remove());
  beforeEach(({ onTestFailed }) => {
    onTestFailed(async () => console.error(await vllm.host.journal()));
  });

  test.each(["/invocations", "/tokenize", "/metrics", "/scale_elastic_ep", "/docs", "/v1/responses"])(
    "%s of the engine is closed",
    async (path) => {
      expect((await vllm.ask(path, {})).status).toBe(404);
    },
  );

  test("its key is in root's files and nowhere else", async () => {
    expect(await vllm.host.shell(`stat -c '%U %a' /etc/tms-llm/vllm.env /etc/nginx/tms-llm/engine.conf`)).toBe(
      "root 600\nroot 600",
    );
    // The pattern is in a file, since the search would find its own command line.
    const found = await vllm.host.shell(
      "cat >/tmp/key; { cat /proc/[0-9]*/cmdline; journalctl -o cat; } 2>/dev/null | grep -acFf /tmp/key; true",
      sampleSecret("engine/vllm"),
    );
    expect(found).toBe("0");
  });

  /** How many answers came to their end. */
  const finished = async () =>
    Number(
      await vllm.host.shell(
        `curl --silent --fail --unix-socket ${vllm.socket} http://x/metrics | awk '/^vllm:request_success_total.*"(stop|length)"/ { sum += $NF } END { print sum + 0 }'`,
      ),
    );

  test.each([
    ["streams", true],
    ["waits for the whole answer", false],
  ])("a client that %s and hangs up frees the engine", async (_, stream) => {
    const before = await finished();
    expect(await vllm.hangUp(1, { ...long, stream })).toBe(28);
    // It runs one at a time: the next one either waits for the end of what nobody waits for, or is the only one that ends.
    expect((await vllm.chat(completion({ max_tokens: 4 }))).status).toBe(200);
    await expect.poll(finished).toBe(before + 1);
  });

  test("a killed core comes back by itself, and who was being answered is told", async () => {
    const core = () => vllm.host.shell("pgrep -f '^VLLM::EngineCor'");
    const before = await core();
    const end = await vllm.begin(long);
    await vllm.host.shell(`kill -9 ${before}`);
    const lastWords = (await end()).text.slice(-600);
    expect(lastWords).toMatch(/^data: ?\{"error":/m);
    expect(lastWords).not.toMatch(/"finish_reason":"(stop|length)"/);
    await vllm.host.shell("for i in $(seq 30); do pgrep -f '^VLLM::EngineCor' >/dev/null || exit 0; sleep 1; done");
    expect((await vllm.chat(completion())).status).toBe(503);
    await vllm.untilServing();
    expect(await core()).not.toBe(before);
    expect((await vllm.chat(completion())).status).toBe(200);
    expect(await checkHost(vllm.host)).toEqual([]);
  });

  test("a stop waits for no answer longer than the drain and its reserve: who does not get the rest is told", async () => {
    await vllm.serve(vllm.planned({ drain: "1s" }));
    await vllm.untilServing();
    const end = await vllm.begin(long);
    // An answer that comes to no end.
    await vllm.host.shell(`pkill -STOP -f '^VLLM::Worker'; systemctl stop ${vllm.unit}`);
    const broken = await end();
    const [exitCode, text] = [broken.exitCode, broken.text.slice(-600)];
    expect(text).not.toMatch(/"finish_reason":"(stop|length)"/);
    if (text.includes("[DONE]")) expect(text).toMatch(/"finish_reason":"abort"|^data: \{"error":/m);
    else expect(exitCode).not.toBe(0);
    await vllm.serve(steps);
    expect(await checkHost(vllm.host)).toEqual([]);
  });
});
