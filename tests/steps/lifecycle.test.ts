import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import {
  anchor,
  checkHost,
  deliver,
  deploy,
  plannedSteps,
  prepareMaterial,
  removeAll,
  runPhase,
} from "../harness/deployment";
import { differences, elsewhere, takeSnapshot, type Snapshot } from "../harness/snapshot";
import type { Step } from "../../plan/step";

/** The service's data outlives its deployment, in the hands of root. */
const isNoData = (line: string) =>
  !/^path \/opt\/llm(\/(models|cache)(\/.*)?)?: was absent, is . root:root /.test(line);

describe.skipIf(DOCKER_MISSING)("the steps on a bare host (needs Docker)", () => {
  let host: BareHost;
  let steps: readonly Step[];
  let bare: Snapshot;

  beforeAll(async () => {
    const material = await prepareMaterial();
    host = await BareHost.start(material.image);
    bare = await takeSnapshot(host);
    steps = plannedSteps(material);
    await anchor(host);
    await deliver(host, steps);
  });
  afterAll(() => host.remove());

  /** The step's phase, up to that step. */
  const upTo = (step: Step) => steps.slice(0, steps.indexOf(step) + 1).filter(({ phase }) => phase === step.phase);

  test("each step changes the host once, finds nothing to do the second time, and goes without a trace", async () => {
    const before: Snapshot[] = [];
    let applied = await takeSnapshot(host);
    for (const step of steps) {
      before.push(applied);
      const first = await runPhase(host, step.phase, upTo(step));
      expect(first.at(-1)).toMatchObject({ step: step.name });
      expect(first.at(-1)!.changed, `${step.name}: changes of the first run`).toBeGreaterThan(0);
      applied = await takeSnapshot(host);
      const again = await runPhase(host, step.phase, upTo(step));
      expect(
        again.map(({ changed }) => changed),
        `${step.name}: changes of the second run`,
      ).toEqual(again.map(() => 0));
      expect(differences(applied, await takeSnapshot(host), "reapplied"), `${step.name}: second run`).toEqual([]);
      expect(await checkHost(host), `${step.name}: check`).toEqual([]);
    }
    for (const step of steps.toReversed()) {
      await runPhase(host, step.phase, upTo(step).slice(0, -1));
      const left = elsewhere(differences(before.pop()!, await takeSnapshot(host), "equivalent"));
      expect(left.filter(isNoData), `${step.name}: gone`).toEqual([]);
    }
  });

  test("a removal takes everything back but the models", async () => {
    await deploy(host, steps);
    await removeAll(host);
    const left = differences(bare, await takeSnapshot(host), "equivalent");
    expect(left.filter(isNoData)).toEqual([]);
    expect(left.join("\n")).toContain("path /opt/llm/models/manifests/registry.ollama.ai/library/tiny/latest");
  });

  test("a purging removal takes the models too", async () => {
    await host.shell("rm -r /opt/llm");
    await deploy(host, steps);
    await host.shell("touch /var/lib/tms-llm/purge");
    await removeAll(host);
    expect(differences(bare, await takeSnapshot(host), "equivalent")).toEqual([]);
  });
});
