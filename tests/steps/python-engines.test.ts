import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { PYTHON_ENGINES, type PythonEngineKind } from "../../plan/catalog/python-engines";
import type { Step } from "../../plan/step";
import { checkHost, deploy, removeAll } from "../harness/deployment";
import {
  changedSteps,
  completion,
  EngineHost,
  engineTests,
  folderChecksum,
  longCompletion,
} from "../harness/engine-host";
import { sabotaged } from "../harness/gateway";
import { differences, takeSnapshot, type Snapshot } from "../harness/snapshot";

/** What the engines in Python have in common, each on a host of its own. */

interface Engine {
  /** Where its processes listen beside the socket. */
  readonly listens: RegExp;
  /** What `systemd-analyze security` says of its unit. */
  readonly exposure: number;
  /** Deployments that cannot serve, and what is said of them. */
  readonly failures: readonly (readonly [failure: string, plan: (engine: EngineHost) => readonly Step[], RegExp])[];
}

/** The steps with a piece of the deployment's file turned round; another context makes it another deployment. */
const spoiled = (engine: EngineHost, from: string, to: string) =>
  engine
    .planned({}, { context: 1024 })
    .map((step) => (step.script === "served-folder.sh" ? sabotaged(step, from, to) : step));

const ENGINES: Readonly<Record<PythonEngineKind, Engine>> = {
  vllm: {
    listens: /^(127\.0\.0\.1:\d+\n?)*$/,
    exposure: 1.1,
    failures: [
      [
        "a flag that this version does not know",
        (engine) => spoiled(engine, "max-num-seqs", "max-num-seqz"),
        /vLLM ended while it started\n {2}why: [^]*\n {2}way out: [^]*--max-num-seqz/,
      ],
      [
        "more memory for the KV cache than there is",
        (engine) => engine.planned({ kvCacheMemory: "1 TiB" }),
        /vLLM ended while it started\n {2}why: [^]*\n {2}way out: [\d.]+ GiB of memory are free and 1024\.\d+ are asked for/,
      ],
      [
        "less memory than it needs",
        (engine) => engine.planned({ memoryMax: "1 GiB" }),
        /vLLM ended while it started\n {2}why: the kernel killed it, .*\n {2}way out: raise engine\.memoryMax/,
      ],
    ],
  },
  transformers: {
    listens: /^$/,
    exposure: 0.2,
    failures: [
      [
        "a setting that it does not know",
        (engine) => spoiled(engine, '"dtype": "float32"', '"dtype": "float33"'),
        /Transformers ended while it started\n {2}why: [^]*Unsupported dtype: 'float33'/,
      ],
      [
        "less memory than it needs",
        (engine) => engine.planned({ memoryMax: "256 MiB" }),
        /Transformers ended while it started\n {2}why: the kernel killed it, .*\n {2}way out: raise engine\.memoryMax/,
      ],
    ],
  },
};

/** An answer of some seconds, of either engine. */
const LONG = longCompletion(4000);

/** The service's data outlives its deployment, in the hands of root. */
const isNoData = (line: string) =>
  !/^path \/opt\/llm(\/(models|cache)(\/.*)?)?: was absent, is . root:root /.test(line);

describe.each(Object.keys(ENGINES) as PythonEngineKind[])("an engine in Python on a bare host: %s", (kind) => {
  const { skip, title } = engineTests(kind);
  const { listens, exposure, failures } = ENGINES[kind];

  describe.skipIf(skip)(`${PYTHON_ENGINES[kind].product} (${title})`, () => {
    let engine: EngineHost;
    let bare: Snapshot;
    let steps: readonly Step[];

    beforeAll(async () => {
      engine = await EngineHost.start(kind);
      bare = await takeSnapshot(engine.host);
      steps = engine.planned();
    });
    afterAll(() => engine.remove());
    beforeEach(({ onTestFailed }) => {
      onTestFailed(async () => console.error(await engine.host.journal()));
    });

    const isAsDeployed = async () => {
      expect(await checkHost(engine.host)).toEqual([]);
    };
    const answers = async () => {
      expect((await engine.chat(completion())).status).toBe(200);
    };

    test("is installed from its lock file, proven, and left alone by a second run", async () => {
      const first = await deploy(engine.host, steps);
      expect(changedSteps(first)).toEqual(expect.arrayContaining([kind, `${kind}-model`, "gateway"]));
      console.log(
        "milliseconds by step:",
        Object.fromEntries(first.map(({ step, milliseconds }) => [step, milliseconds])),
      );
      expect(changedSteps(await deploy(engine.host, steps))).toEqual([]);
      await isAsDeployed();
    });

    test("streams an answer through nginx, to the last word", async () => {
      const { status, text } = await engine.chat(completion());
      expect(status).toBe(200);
      expect(text.match(/^data: \{.*"delta":\{"content":/gm)!.length).toBeGreaterThan(20);
      expect(text).toMatch(/[가-힣]/);
      expect(text).toContain('"model":"tiny"');
      expect(text).toContain('"finish_reason":"stop"');
      expect(text.trimEnd()).toMatch(/data: \[DONE\]$/);
    });

    test("its socket is for nginx alone, and nobody outside reaches it", async () => {
      const reach = (user: string) =>
        engine.host.ask(
          `runuser -u ${user} -- curl --silent --max-time 5 --unix-socket ${engine.socket} http://x/health`,
        );
      expect((await reach("www-data")).exitCode).toBe(0);
      expect((await reach("nobody")).exitCode).not.toBe(0);
      const listeners = `ss -Hltnp | grep -i -e ${kind} -e python | awk '{ print $4 }'; true`;
      expect(await engine.host.shell(listeners)).toMatch(listens);
    });

    test("its unit is as closed as the engine permits", async () => {
      const score = await engine.host.shell(`systemd-analyze security ${engine.unit} --no-pager | tail -n 1`);
      expect(Number(/: ([\d.]+) /.exec(score)![1])).toBeLessThanOrEqual(exposure);
    });

    test("who finds it full gets 503 with Retry-After, in OpenAI's form", async () => {
      const all = await engine.chatTogether(6, LONG);
      const refused = all.filter(({ status }) => status !== 200);
      // One runs and one waits, and six come.
      expect(refused).toHaveLength(4);
      for (const { status, text } of refused) {
        expect(status).toBe(503);
        expect(text).toMatch(/Retry-After: \d+[^]*"code":"service_unavailable"/i);
      }
    });

    test("a stop lets the answer that is under way end, and newcomers wait", async () => {
      const end = await engine.begin(LONG);
      await engine.host.shell(`systemctl stop --no-block ${engine.unit}; sleep 0.5`);
      const newcomer = await engine.chat(completion());
      const { text } = await end();
      expect(newcomer.status).toBe(503);
      expect(newcomer.text).toMatch(/Retry-After: \d+/i);
      expect(text).toMatch(/^HTTP\S+ 200 /);
      expect(text).toContain('"finish_reason":"length"');
      expect(text.trimEnd()).toMatch(/data: \[DONE\]$/);
      await engine.host.shell(`while systemctl is-active --quiet ${engine.unit}; do sleep 0.1; done`);
      expect(await checkHost(engine.host)).not.toEqual([]);
      expect(await engine.serve(steps)).toEqual([`${kind}-model`]);
      await isAsDeployed();
    });

    test.each(failures)(
      "%s: the new deployment is refused with its reason, and the former serves again",
      async (_, plan, message) => {
        const failed = await engine.tryToServe(plan(engine));
        expect(failed.exitCode).not.toBe(0);
        expect(failed.stderr).toMatch(message);
        await engine.untilServing();
        await answers();
        await engine.serve(steps);
        await isAsDeployed();
      },
    );

    test("weights that lie on the host are served where they are, if they are the right ones", async () => {
      const folder = "/srv/models/tiny";
      await engine.host.shell(
        `mkdir -p ${folder} && cp /opt/llm/models/${kind}/*/*.* ${folder} && chmod -R a+rX /srv/models`,
      );
      const sha256 = await folderChecksum(engine.host, folder);
      const given = (checksum: string) => engine.planned({}, { source: `folder:${folder}`, sha256: checksum });

      const refused = await engine.tryToServe(given("0".repeat(64)));
      expect(refused.stderr).toContain(`why: expected ${"0".repeat(64)}, found ${sha256}`);
      await answers();
      expect(await engine.serve(given(sha256))).toEqual([`${kind}-model`]);
      expect(await engine.serve(given(sha256))).toEqual([]);
      await answers();
      await engine.host.shell(`echo >>${folder}/config.json`);
      expect(await checkHost(engine.host)).toMatchObject([{ what: `weights in ${folder}` }]);

      await engine.serve(steps);
      await engine.host.shell("rm -r /srv/models");
      await isAsDeployed();
    });

    test("a removal takes everything back but the models", async () => {
      await removeAll(engine.host);
      const left = differences(bare, await takeSnapshot(engine.host), "equivalent");
      expect(left.filter(isNoData)).toEqual([]);
    });
  });
});
