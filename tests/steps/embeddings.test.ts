import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Step } from "../../plan/step";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import {
  deliver,
  deploy,
  plannedSteps,
  prepareMaterial,
  stackConfig,
  submitPhase,
  type Material,
} from "../harness/deployment";
import { sabotaged } from "../harness/gateway";

/** Each test goes on where the last one stopped. */
describe.skipIf(DOCKER_MISSING)("a model that writes no answers, as models for embeddings are (needs Docker)", () => {
  let host: BareHost;
  let material: Material;

  /** The plan's steps with a second model whose chat template is broken. */
  const withSecond = (role?: string): readonly Step[] => {
    const tiny = { source: "builtin:tiny", context: 2048 };
    const models = [
      { ...tiny, name: "tiny" },
      { ...tiny, name: "mute", ...(role === undefined ? {} : { role }) },
    ];
    return plannedSteps(material, stackConfig({ models })).map((step) =>
      step.title.startsWith("model mute ")
        ? sabotaged(step, "PARAMETER num_ctx", "TEMPLATE {{ .Messages.Nothing }}\nPARAMETER num_ctx")
        : step,
    );
  };
  const ofModels = (steps: readonly Step[]) => steps.filter(({ phase }) => phase === "model");

  beforeAll(async () => {
    material = await prepareMaterial();
    host = await BareHost.start(material.image);
    const steps = withSecond();
    await deploy(
      host,
      steps.filter(({ phase }) => phase === "base" || phase === "engine"),
    );
    await deliver(host, ofModels(steps));
  });
  afterAll(() => host.remove());

  test("fails its proof without a role", async () => {
    const { exitCode, stderr } = await submitPhase(host, "model", ofModels(withSecond()));
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining("model mute does not answer")]);
  });

  test("is proven by a vector where its role is embedding", async () => {
    const { exitCode, stderr } = await submitPhase(host, "model", ofModels(withSecond("embedding")));
    expect([exitCode, stderr]).toEqual([0, ""]);
    const vector = await host.shell(
      `curl --silent --fail --header 'Content-Type: application/json' --data '{"model":"mute","input":"색인"}' http://127.0.0.1:11434/v1/embeddings`,
    );
    expect(vector).toMatch(/"embedding":\[-?\d/);
  });

  test("is asked nothing by a new engine when it leaves the plan", async () => {
    const alone = plannedSteps(material, stackConfig());
    const { exitCode, stderr } = await submitPhase(
      host,
      "engine",
      alone.filter(({ phase }) => phase === "engine"),
    );
    expect([exitCode, stderr]).toEqual([0, ""]);
    expect(await host.journal()).toMatch(/restart tms-ollama\.service[^]*ask tiny for answers/);
  });
});
