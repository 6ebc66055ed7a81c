import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Step } from "../../plan/step";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import {
  checkHost,
  deploy,
  plannedSteps,
  prepareMaterial,
  runPhase,
  stackConfig,
  submitPhase,
  type Material,
} from "../harness/deployment";

/** `ollama:tiny` is what the engine's own store has under that name: a pull without a registry. */
const TINY = stackConfig().models[0]!;
const pulled = (sha256: string) => ({ ...TINY, name: "pulled", source: "ollama:tiny", sha256 });

describe.skipIf(DOCKER_MISSING)("a model that is pulled by its name (needs Docker)", () => {
  let host: BareHost;
  let material: Material;
  let phase: (sha256: string) => readonly Step[];

  beforeAll(async () => {
    material = await prepareMaterial();
    host = await BareHost.start(material.image);
    phase = (sha256) =>
      plannedSteps(material, stackConfig({ models: [TINY, pulled(sha256)] })).filter((step) => step.phase === "model");
    await deploy(host, plannedSteps(material));
  });
  afterAll(() => host.remove());

  const models = () =>
    host.shell("HOME=/root /opt/llm/ollama/*/bin/ollama list | tail -n +2 | awk '{print $1}' | sort | xargs");

  test("is refused with other weights than the stack file names, and leaves nothing behind", async () => {
    const { exitCode, stderr } = await submitPhase(host, "model", phase("0".repeat(64)));
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain("model pulled has other weights than the stack file names");
    expect(stderr).toContain(`SHA-256 ${material.artifacts["tiny-model"]!.sha256}, needed: SHA-256 ${"0".repeat(64)}`);
    expect(await models()).toBe("tiny:latest");
  });

  test("is served with the weights that it names, and is not made again", async () => {
    const steps = phase(material.artifacts["tiny-model"]!.sha256);
    await runPhase(host, "model", steps);
    expect(await models()).toBe("pulled:latest tiny:latest");
    expect(await checkHost(host)).toEqual([]);
    expect((await runPhase(host, "model", steps)).map(({ changed }) => changed)).toEqual([0, 0]);
  });
});
