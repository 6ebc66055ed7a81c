import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { overload } from "../../smoke/checks/overload";
import { runSmoke } from "../../smoke/run";
import { GATE, THOROUGH } from "../../smoke/sets";
import { DOCKER_MISSING, PATIENT } from "../harness/clone";
import { engineTests } from "../harness/engine-host";
import { ONE_ATTEMPT } from "../harness/one-attempt";
import { ENGINE_IMPOSSIBLE } from "../harness/python-engine";
import { DeployedSandbox, type Sabotage } from "../harness/sabotage";
import { expectStreamedKorean } from "../harness/tuning-guide";

const FULL: Sabotage = {
  title: "an engine that is full lets everybody wait",
  spoil: "edit $config 's/^(max-num-queued-reqs): .*/\\1: 1000/'; restart_engine",
  mend: ["engine"],
  tells: { overload: /^6 at once, none refused$/ },
};

const { skip, title } = engineTests("vllm");

const TITLE = "a sandbox with vLLM, which answers one request and lets one wait (needs Docker on x86_64)";

describe.skipIf(DOCKER_MISSING || ENGINE_IMPOSSIBLE)(TITLE, () => {
  let sandbox: DeployedSandbox;

  beforeAll(async () => {
    sandbox = await DeployedSandbox.make({
      ...PATIENT,
      engine: { kind: "vllm", variant: "cpu", parallel: 1, queue: 1 },
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
    expect(checks.filter((check) => check.verdict !== "pass")).toEqual([]);
    expect(verdict).toBe("pass");
    expect(checks.find(({ id }) => id === "overload")).toMatchObject({ observed: "503 when 6 ask at once" });
  });

  test.skipIf(skip)(`of all checks, the one it belongs to tells: ${FULL.title} (${title})`, async () => {
    await sandbox.expectTold({ ...FULL, checks: [...GATE, overload] });
    await sandbox.mend(FULL);
  });

  test("a second up finds nothing to do, and there is no drift", ONE_ATTEMPT, async () => {
    const again = await sandbox.clone.run(["up"]);
    expect(again.exitCode, again.output).toBe(0);
    expect(again.output).toMatch(/^\s+\d+ unchanged$/m);
    const drift = await sandbox.clone.run(["drift"]);
    expect(drift.exitCode, drift.output).toBe(0);
  });
});
