import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { overload } from "../../smoke/checks/overload";
import { runSmoke } from "../../smoke/run";
import { GATE, THOROUGH } from "../../smoke/sets";
import { DOCKER_MISSING, PATIENT } from "../harness/clone";
import { breakOffPhase } from "../harness/hold";
import { ENGINE_IMPOSSIBLE } from "../harness/python-engine";
import { DeployedSandbox, gateway, type Sabotage } from "../harness/sabotage";
import { expectStreamedKorean } from "../harness/tuning-guide";

const FULL: readonly Sabotage[] = [
  {
    title: "an engine that is full lets everybody wait",
    spoil: "edit $door 's/self.waiting > self.queue/False/'; restart_engine",
    mend: ["engine"],
    tells: { overload: /^6 at once, none refused$/ },
  },
  gateway("nobody says when to come again", "edit $conf '/location @error_503/,/^ {4}\\}/{ /Retry-After/d }'", {
    overload: /^Retry-After is missing$/,
  }),
  gateway(
    "the gateway calls a full engine a broken one",
    "edit $conf 's/error_page 503 = @error_503/error_page 503 = @error_502/'",
    {
      overload: /^status 502; Retry-After is missing$/,
    },
  ),
];

describe.skipIf(DOCKER_MISSING || ENGINE_IMPOSSIBLE)(
  "a sandbox with Transformers, which answers one request and lets one wait (needs Docker on x86_64)",
  () => {
    let sandbox: DeployedSandbox;

    beforeAll(async () => {
      sandbox = await DeployedSandbox.make({
        ...PATIENT,
        engine: { kind: "transformers", variant: "cpu", queue: 1 },
        models: [{ name: "tiny", source: "builtin:tiny", context: 8192 }],
        // By default 300 requests take half a minute.
        gateway: { rateLimit: { requestsPerMinute: 3000 } },
      });
    });
    afterAll(() => sandbox.clone.remove());

    test("streams an answer in Korean to an application that knows nothing but its env file", async () => {
      await expectStreamedKorean(sandbox.clone);
    });

    test("passes every check, and is really full when six ask at once", async () => {
      const { checks, verdict } = await runSmoke(sandbox.target, { checks: THOROUGH });
      console.log(
        Object.fromEntries(
          checks.map(({ id, observed, milliseconds }) => [id, `${observed} (${Math.round(milliseconds)} ms)`]),
        ),
      );
      expect(checks.filter((check) => check.verdict !== "pass")).toEqual([]);
      expect(verdict).toBe("pass");
      expect(checks.find(({ id }) => id === "overload")).toMatchObject({ observed: "503 when 6 ask at once" });
    });

    describe("of all checks, the one it belongs to tells that", () => {
      let spoiled: Sabotage | undefined;
      afterEach(async () => {
        if (spoiled) await sandbox.mend(spoiled);
        spoiled = undefined;
      });

      test.each(FULL)("$title", async (sabotage) => {
        spoiled = sabotage;
        await sandbox.expectTold({ ...sabotage, checks: [...GATE, overload] });
      });
    });

    test("killed while a new deployment is on trial: a next one that fails gives way to the one that answered last", async () => {
      const { clone } = sandbox;
      const engine = { kind: "transformers", variant: "cpu", queue: 1 };
      const deployment = () => clone.host().shell("readlink /opt/llm/transformers/current");
      const former = await deployment();

      clone.configure({ engine: { ...engine, drain: "40s" } });
      const killed = clone.start(["up"]);
      await clone
        .host()
        .shell(`while [ "$(readlink /opt/llm/transformers/current)" = ${former} ]; do sleep 0.05; done`);
      await breakOffPhase(clone.host());
      expect((await killed.done).exitCode).not.toBe(0);
      expect(await deployment()).not.toBe(former);

      clone.configure({ engine: { ...engine, drain: "50s", memoryMax: "256 MiB" } });
      const failed = await clone.run(["up"]);
      expect(failed.exitCode).toBe(1);
      expect(failed.output).toContain("the kernel killed it");
      expect(await deployment()).toBe(former);
      // It serves as before, and the host does not pass for one whose deployment was finished.
      const told = async () => Object.keys(await sandbox.told());
      await expect.poll(told, { timeout: 120_000, interval: 1000 }).toEqual(["digest"]);

      clone.configure({ engine });
      const repaired = await clone.run(["up"]);
      expect(repaired.exitCode, repaired.output).toBe(0);
    });

    test("leaves no drift behind", async () => {
      const drift = await sandbox.clone.run(["drift"]);
      expect(drift.exitCode, drift.output).toBe(0);
    });
  },
);
