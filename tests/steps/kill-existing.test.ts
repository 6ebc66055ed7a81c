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
} from "../harness/deployment";
import { FORMER_MODEL, formerOllama, formerStore } from "../harness/former-engine";
import { chosenSeed, killPhase, killRemoval, seededRandom } from "../harness/kill";
import { differences, elsewhere, takeSnapshot, type Snapshot } from "../harness/snapshot";

/** Kills of each kind; more of them search deeper. */
const KILLS = Number(process.env["TMS_LLM_KILLS"] ?? 3);
const STEP_MILLISECONDS = 1200;
const REMOVAL_MILLISECONDS = 3000;

/** Each test goes on where the last one stopped. */
describe.skipIf(DOCKER_MISSING)("an adoption that is killed with all its children (needs Docker)", () => {
  const seed = chosenSeed();
  const random = seededRandom(seed);
  let host: BareHost;
  let steps: readonly Step[];
  let bare: Snapshot;
  let store: string;

  const leftOf = async (before: Snapshot) => differences(before, await takeSnapshot(host), "equivalent");

  beforeAll(async () => {
    const material = await prepareMaterial();
    host = await BareHost.start(material.image);
    await formerOllama(host, material, "0755");
    const models = [{ name: "kanana", source: FORMER_MODEL, context: 2048 }];
    steps = plannedSteps(material, stackConfig({ existing: { ollama: "adopt" }, models }));
    bare = await takeSnapshot(host);
    store = await formerStore(host);
    console.log(`TMS_LLM_SEED=${seed}`);
  });
  afterAll(() => host.remove());

  test("is taken back from anywhere: the former engine runs again, on its own store", async () => {
    await deploy(
      host,
      steps.filter(({ phase }) => phase === "base" || phase === "access"),
    );
    const before = await takeSnapshot(host);
    const adoption = steps.filter(({ name }) => name === "existing");
    for (let count = 1; count <= KILLS; count++) {
      const moment = random() * STEP_MILLISECONDS;
      const killed = await killPhase(host, "engine", adoption, moment);
      await runPhase(host, "engine", []);
      const when = `${killed ? "killed" : "done"} at ${moment.toFixed(0)} ms`;
      expect(elsewhere(await leftOf(before)), when).toEqual([]);
      expect(await formerStore(host), when).toBe(store);
      expect(await host.shell("systemctl is-active ollama"), when).toBe("active");
    }
  });

  test("goes on the next time, and a removal that is killed too ends with the host as it was", async () => {
    for (let round = 1; round <= KILLS; round++) {
      await killPhase(
        host,
        "engine",
        steps.filter(({ phase }) => phase === "engine"),
        random() * 2 * STEP_MILLISECONDS,
      );
      await deploy(host, steps);
      expect(await checkHost(host)).toEqual([]);
      await host.shell("touch /var/lib/tms-llm/purge");
      const moment = random() * REMOVAL_MILLISECONDS;
      await killRemoval(host, moment);
      await removeAll(host);
      expect(await leftOf(bare), `removal killed at ${moment.toFixed(0)} ms`).toEqual([]);
      expect(await formerStore(host)).toBe(store);
      await deploy(
        host,
        steps.filter(({ phase }) => phase === "base" || phase === "access"),
      );
    }
  });
});
