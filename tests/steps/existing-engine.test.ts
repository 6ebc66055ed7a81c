import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Step } from "../../plan/step";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import {
  checkHost,
  deploy,
  plannedSteps,
  prepareMaterial,
  removeAll,
  runPhase,
  stackConfig,
  submitPhase,
} from "../harness/deployment";
import { FORMER_MODEL, formerOllama, formerStore, handMade } from "../harness/former-engine";
import { differences, takeSnapshot, type Snapshot } from "../harness/snapshot";
import { ONE_ATTEMPT } from "../harness/one-attempt";

/**
 * Hosts with an `ollama.service` as Ollama's install script leaves it, a real one: its binary, its user, its store. There is
 * no internet on them, so a model of Hugging Face's can only come from that store.
 */
describe.skipIf(DOCKER_MISSING).each([
  ["whose store everybody can read", "0755", "symbolic link"],
  ["whose store nobody else can enter", "0700", "regular file"],
])("a host with a former Ollama %s (needs Docker)", (_, homeMode, kind) => {
  let host: BareHost;
  let steps: readonly Step[];
  let before: Snapshot;
  let store: string;

  const ofPhase = (phase: string) => steps.filter((step) => step.phase === phase);
  const unitState = (unit: string) =>
    host.shell(`systemctl is-enabled ${unit} || true; systemctl is-active ${unit} || true`);

  beforeAll(async () => {
    const material = await prepareMaterial();
    host = await BareHost.start(material.image);
    await formerOllama(host, material, homeMode);
    before = await takeSnapshot(host);
    store = await formerStore(host);
    steps = plannedSteps(
      material,
      stackConfig({
        existing: { ollama: "adopt" },
        models: [{ name: "kanana", source: FORMER_MODEL, context: 2048 }],
      }),
    );
  });
  afterAll(() => host.remove());

  test("is served from our engine with the model that was there, without a download", async () => {
    await deploy(host, steps);
    expect(await unitState("ollama.service")).toBe("disabled\ninactive");
    expect(await unitState("tms-ollama.service")).toBe("enabled\nactive");
    const kinds = await host.shell("stat -c %F /opt/llm/models/blobs/sha256-* | sort | uniq -c | sort -rn");
    // What the Modelfile adds is our own.
    expect(kinds).toContain(kind);
    expect(await checkHost(host)).toEqual([]);
  });

  test("is left as it is by a second deployment", ONE_ATTEMPT, async () => {
    const deployed = await takeSnapshot(host);
    expect((await deploy(host, steps)).filter(({ changed }) => changed > 0)).toEqual([]);
    expect(differences(deployed, await takeSnapshot(host), "reapplied")).toEqual([]);
  });

  test("shows it as drift when somebody starts the former one, and puts it to rest again", async () => {
    await host.shell("systemctl stop tms-ollama && systemctl enable --now ollama");
    expect(await checkHost(host)).toContainEqual(
      expect.objectContaining({ what: "unit ollama.service", expected: "at rest", found: "enabled, active" }),
    );
    await runPhase(host, "engine", ofPhase("engine"));
    expect(await checkHost(host)).toEqual([]);
  });

  test("has all of it back after a removal, models and service, running as before", async () => {
    await removeAll(host);
    expect(await unitState("ollama.service")).toBe("enabled\nactive");
    const left = differences(before, await takeSnapshot(host), "equivalent");
    expect(left.filter((line) => !LEFT.test(line))).toEqual([]);
    expect(await formerStore(host)).toBe(store);
    expect(await host.shell("ollama list")).toContain("Q4_K_M");
  });

  test("does not take a model whose weights are damaged", async () => {
    await host.shell(`largest=$(ls -S /usr/share/ollama/.ollama/models/blobs/* | head -n 1)
      printf x | dd of="$largest" bs=1 seek=4096 conv=notrunc status=none`);
    await deploy(
      host,
      steps.filter(({ phase }) => phase !== "model" && phase !== "gateway"),
    );
    const { exitCode, stderr } = await submitPhase(host, "model", ofPhase("model"));
    expect(exitCode).toBe(1);
    expect(stderr).toContain("model kanana could not be made");
    expect(await host.journal()).toContain("is not whole in /usr/share/ollama/.ollama/models: it is downloaded anew");
  });
});

/** What a removal leaves on purpose: models of ours, now root's. */
const LEFT = /^path \/opt\/llm(\/(models|cache)(\/.*)?)?: was absent, is . root:root /;

describe.skipIf(DOCKER_MISSING)(
  "a host of the hand-made set-up, with a sleeping process in the place of its vLLM (needs Docker)",
  () => {
    let host: BareHost;
    let steps: readonly Step[];
    let before: Snapshot;

    beforeAll(async () => {
      const material = await prepareMaterial();
      host = await BareHost.start(material.image);
      await handMade(host);
      before = await takeSnapshot(host);
      steps = plannedSteps(material, stackConfig({ existing: { kanana: "adopt" } }));
    });
    afterAll(() => host.remove());

    test("becomes an endpoint in the place of kanana-llm.service, and its application's site is served on", async () => {
      await deploy(host, steps);
      expect(await host.ask("systemctl is-active kanana-llm")).toMatchObject({ stdout: "inactive" });
      expect(await host.shell("curl --silent --header 'Host: sqltms.info' http://127.0.0.1/")).toBe("the application");
      expect(await checkHost(host)).toEqual([]);
    });

    test("is as before after a removal: service, weights, user, health check and site", async () => {
      await removeAll(host);
      const left = differences(before, await takeSnapshot(host), "equivalent");
      expect(left.filter((line) => !LEFT.test(line))).toEqual([]);
      expect(await host.shell("systemctl is-active kanana-llm; cat /opt/llm/models/kanana-1.5-8b/weights")).toBe(
        "active\nweights",
      );
    });
  },
);
