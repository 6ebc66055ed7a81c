import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Step } from "../../plan/step";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { anchor, checkHost, deliver, plannedSteps, prepareMaterial, runPhase } from "../harness/deployment";
import { chosenSeed, killPhase, seededRandom } from "../harness/kill";
import { differences, elsewhere, takeSnapshot } from "../harness/snapshot";

/** Kills of each step; more of them search deeper. */
const KILLS = Number(process.env["TMS_LLM_KILLS"] ?? 3);

describe.skipIf(DOCKER_MISSING)("a phase that is killed with all its children (needs Docker)", () => {
  const seed = chosenSeed();
  const random = seededRandom(seed);
  const tested = new Set<string>();
  let undisturbed: BareHost;
  let disturbed: BareHost;
  let steps: readonly Step[];

  beforeAll(async () => {
    const material = await prepareMaterial();
    steps = plannedSteps(material);
    [undisturbed, disturbed] = await Promise.all([BareHost.start(material.image), BareHost.start(material.image)]);
    await Promise.all([undisturbed, disturbed].map((host) => anchor(host)));
    await Promise.all([undisturbed, disturbed].map((host) => deliver(host, steps)));
    console.log(`TMS_LLM_SEED=${seed}`);
  });
  afterAll(() => Promise.all([undisturbed, disturbed].map((host) => host.remove())));

  /** Kills the step's phase at a random moment of its run; sooner, where that came too late. */
  async function kill(step: Step, withStep: readonly Step[], milliseconds: number): Promise<string> {
    for (let latest = milliseconds; ; latest *= 0.7) {
      const moment = random() * latest;
      if (await killPhase(disturbed, step.phase, withStep, moment)) return `${step.name} at ${moment.toFixed(0)} ms`;
    }
  }

  // In the order of the plan, since each step builds on the ones before it.
  test.each(["account", "firewall", "gpu", "ollama", "model-tiny-8950ab", "gateway", "health"])(
    "%s: can be taken back half-way, and ends as if it had not been killed",
    async (name) => {
      tested.add(name);
      const step = steps.find((candidate) => candidate.name === name)!;
      const before = steps.slice(0, steps.indexOf(step)).filter(({ phase }) => phase === step.phase);
      const withStep = [...before, step];
      const bare = await takeSnapshot(disturbed);
      const milliseconds = (await runPhase(undisturbed, step.phase, withStep)).reduce(
        (sum, report) => sum + report.milliseconds,
        0,
      );

      const moments: string[] = [];
      for (let count = 1; count <= KILLS; count++) {
        moments.push(await kill(step, withStep, milliseconds));
        // The first kills hit the work itself, the next what another run makes of a half-done one.
        if (count % 2 === 1 && count < KILLS) {
          await runPhase(disturbed, step.phase, before);
          const leavings = elsewhere(differences(bare, await takeSnapshot(disturbed), "equivalent"));
          expect(leavings, `taken back after ${moments.at(-1)!}`).toEqual([]);
          await deliver(disturbed, [step]);
        }
      }
      await runPhase(disturbed, step.phase, withStep);
      const [expected, found] = await Promise.all([takeSnapshot(undisturbed), takeSnapshot(disturbed)]);
      expect(differences(expected, found, "equivalent"), `after kills of ${moments.join(", ")}`).toEqual([]);
      expect(await checkHost(disturbed)).toEqual([]);
    },
  );

  test("every step of the plan has such a case", () => {
    expect(steps.map(({ name }) => name)).toEqual([...tested]);
  });
});
