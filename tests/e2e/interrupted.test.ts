import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { execa } from "execa";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { PHASES, type PhaseName } from "../../plan/step";
import { Clone, DOCKER_MISSING, PATIENT, type Running } from "../harness/clone";
import { breakOffPhase, cutLine, holdPhase, releasePhase } from "../harness/hold";
import { leftRunning } from "../harness/local-processes";
import { differences, takeSnapshot } from "../harness/snapshot";

/** What becomes of an `up` that does not come to its end, and of the next one. Each test goes on where the last one stopped. */
describe.skipIf(DOCKER_MISSING)("an up that is interrupted (needs Docker)", () => {
  let clone: Clone;

  beforeAll(async () => {
    clone = await Clone.make();
    clone.configure(PATIENT);
  });
  afterAll(() => clone.remove());
  beforeEach(({ onTestFailed }) => {
    onTestFailed(() => console.error(clone.console.slice(-8000)));
  });

  const host = () => (clone.sandbox() === undefined ? undefined : clone.host());
  const start = () => clone.start(["up"], { detached: true });
  const killGroup = (run: Running, signal: NodeJS.Signals) => process.kill(-run.pid, signal);
  const locks = () => clone.path(".tms-llm/state/.pulumi/locks/organization/tms-llm/dev");

  /** Goes on until the phase is at work, and holds it there. */
  const heldIn = async (run: Running, phase: PhaseName): Promise<Running> => {
    const ended = run.done.then(({ output }) => Promise.reject(new Error(`ended before phase ${phase}:\n${output}`)));
    await Promise.race([holdPhase(host, phase), ended]);
    ended.catch(() => undefined);
    return run;
  };

  it("by Ctrl-C in a terminal: says what goes on and what to do, and leaves nothing running here", async () => {
    const up = await heldIn(clone.startInTerminal(["up"]), "base");
    up.type("\u0003");
    const { exitCode, output } = await up.done;
    expect(lastLines(output)).toBe(`
Interrupted while the host was at work on phase base. The host brings that phase to its end by itself; nothing after it was started.
  way out: npm run up -- dev goes on from there; npm run destroy -- dev takes everything back
`);
    expect(exitCode).toBe(130);
    expect(await leftRunning(clone.folder)).toEqual([]);
  });

  it.each<[NodeJS.Signals, string]>([
    ["SIGTERM", "a supervisor's request"],
    ["SIGHUP", "a terminal that was closed"],
  ])("by %s, %s: ends in the same way", async (signal) => {
    await breakOffPhase(clone.host());
    const up = await heldIn(start(), "base");
    process.kill(up.pid, signal);
    const { exitCode, output } = await up.done;
    expect(lastLines(output)).toContain("Interrupted while the host was at work on phase base.");
    expect(exitCode).toBe(130);
    expect(await leftRunning(clone.folder)).toEqual([]);
  });

  it("the next up waits for the host; by SIGINT to the process group it ends in the same way", async () => {
    const up = start();
    await up.says("The host is still at work on phase base of an earlier run; waiting until it is done.");
    await releasePhase(clone.host());
    await heldIn(up, "access");
    expect(up.soFar()).toContain(
      "The last run did not come to its end: phase access, phase engine, phase model, phase gateway did not run.",
    );
    killGroup(up, "SIGINT");
    const { exitCode, output } = await up.done;
    expect(lastLines(output)).toContain("Interrupted while the host was at work on phase access.");
    expect(exitCode).toBe(130);
    expect(await leftRunning(clone.folder)).toEqual([]);
  });

  it("by a kill of the whole process group: leaves Pulumi's lock behind", async () => {
    await releasePhase(clone.host());
    const up = await heldIn(start(), "engine");
    killGroup(up, "SIGKILL");
    await up.done;
    await releasePhase(clone.host());
    expect(readdirSync(locks()).filter((name) => name.endsWith(".json"))).toHaveLength(1);
  });

  it("the next up releases the lock of the dead process, and says so; a second one beside it is refused", async () => {
    const up = await heldIn(start(), "model");
    expect(up.soFar()).toMatch(
      /^The last run was killed \(pulumi, process \d+ of \S+ on \S+, since [\d:]{8}\); its lock on dev is released\.$/m,
    );
    const second = await clone.run(["up"]);
    expect(second.exitCode).toBe(1);
    expect(second.output).toMatch(
      /^Another run is at work on dev: npm run up, process \d+ on this machine, since [\d:]{8}\. Nothing was done\.\n {2}way out: wait until it has ended, or stop it with Ctrl-C where it runs; then run this again\n$/,
    );
    await releasePhase(clone.host());
    const { exitCode, output } = await up.done;
    expect(exitCode, output).toBe(0);
  });

  it.each([
    ["runs here", hostname(), process.pid, "Pulumi is at work on dev: pulumi, process"],
    ["may run on another machine", "build-7", 4711, "dev is locked by pulumi, process 4711 of ops on build-7, since"],
  ])("a lock whose process %s is left alone", async (_, machine, pid, message) => {
    const lock = `${locks()}/5d5b7ba5.json`;
    const content = { pid, username: "ops", hostname: machine, timestamp: new Date().toISOString() };
    mkdirSync(locks(), { recursive: true });
    writeFileSync(lock, JSON.stringify(content));
    const up = await clone.run(["up"]);
    expect(up.output).toContain(message);
    expect(up.output).toContain("Nothing was done.");
    expect(up.exitCode).toBe(1);
    expect(readdirSync(locks())).toContain("5d5b7ba5.json");
    rmSync(lock);
  });

  it("killed while it makes the sandbox: the next up makes it anew", async () => {
    await removeSandbox();
    const up = start();
    // Its container is there, and Pulumi has not heard of it yet.
    const inspected = () => execa("docker", ["container", "inspect", clone.host().name], { reject: false });
    await expect.poll(async () => (await inspected()).exitCode, { timeout: 60_000, interval: 10 }).toBe(0);
    killGroup(up, "SIGKILL");
    await up.done;
    const next = await heldIn(start(), "base");
    expect(next.soFar()).toContain("The last run was killed while it made sandbox-host: made anew now.");
    await cutLine(clone.host());
    await expectLostLine(next, "base");
  });

  describe("the SSH line is cut in the middle of a phase", () => {
    const cut: PhaseName[] = ["base"];

    it.each(["access", "engine", "model", "gateway"] as const)(
      "phase %s: up says that the host goes on, and the next up waits for it",
      async (phase) => {
        const up = start();
        await up.says(`The host is still at work on phase ${cut.at(-1)!} of an earlier run`);
        await releasePhase(clone.host());
        await heldIn(up, phase);
        await cutLine(clone.host());
        await expectLostLine(up, phase);
        cut.push(phase);
      },
    );

    it("every phase of the plan has such a case", () => {
      expect(cut).toEqual(PHASES);
    });

    it("ends as if it had never been cut", async () => {
      const up = start();
      await up.says("The host is still at work on phase gateway of an earlier run");
      await releasePhase(clone.host());
      const { exitCode, output } = await up.done;
      expect(exitCode, output).toBe(0);
      const disturbed = await takeSnapshot(clone.host());

      await removeSandbox();
      const undisturbed = await clone.run(["up"]);
      expect(undisturbed.exitCode, undisturbed.output).toBe(0);
      expect(differences(await takeSnapshot(clone.host()), disturbed, "equivalent")).toEqual([]);
    });
  });

  async function expectLostLine(up: Running, phase: PhaseName): Promise<void> {
    const { exitCode, output } = await up.done;
    expect(lastLines(output)).toBe(`
The line to the host was lost while it was at work on phase ${phase}. The host goes on by itself.
  way out: npm run up -- dev waits for it, then does the rest
`);
    expect(exitCode).toBe(1);
  }

  const removeSandbox = () => execa("docker", ["rm", "--force", clone.host().name]);
});

/** The message at the end, with the empty line before it. */
function lastLines(output: string): string {
  const plain = output.replaceAll("\r", "");
  return plain.slice(plain.lastIndexOf("\n\n") + 1);
}
