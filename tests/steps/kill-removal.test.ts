import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Step } from "../../plan/step";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { checkHost, deploy, plannedSteps, prepareMaterial, removeAll } from "../harness/deployment";
import { chosenSeed, killRemoval, seededRandom } from "../harness/kill";
import { differences, takeSnapshot, type Snapshot } from "../harness/snapshot";

/** Deployments whose removal is killed; each several times before it may end. */
const ROUNDS = Number(process.env["TMS_LLM_KILLS"] ?? 3);
const REMOVAL_MILLISECONDS = 3000;

describe.skipIf(DOCKER_MISSING)("a removal that is killed with all its children (needs Docker)", () => {
  const seed = chosenSeed();
  const random = seededRandom(seed);
  let host: BareHost;
  let steps: readonly Step[];
  let bare: Snapshot;

  beforeAll(async () => {
    const material = await prepareMaterial();
    host = await BareHost.start(material.image);
    bare = await takeSnapshot(host);
    steps = plannedSteps(material);
    console.log(`TMS_LLM_SEED=${seed}`);
  });
  afterAll(() => host.remove());

  test("goes on the next time, and ends with the host as it was before the deployment", async () => {
    for (let round = 1; round <= ROUNDS; round++) {
      await deploy(host, steps);
      await host.shell("touch /var/lib/tms-llm/purge");
      const moments: string[] = [];
      for (let kills = 0; kills < 3; kills++) {
        const moment = random() * REMOVAL_MILLISECONDS;
        if (!(await killRemoval(host, moment))) break;
        moments.push(`${moment.toFixed(0)} ms`);
      }
      await removeAll(host);
      const left = differences(bare, await takeSnapshot(host), "equivalent");
      expect(left, `after kills at ${moments.join(", ")}`).toEqual([]);
    }
  });

  test("gives way to a new deployment, which makes everything again", async () => {
    await deploy(host, steps);
    await killRemoval(host, 0.3 * REMOVAL_MILLISECONDS);
    await deploy(host, steps);
    expect(await checkHost(host)).toEqual([]);
  });
});
