import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { execa } from "execa";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Clone, DOCKER_MISSING, PATIENT } from "../harness/clone";

/** Everything that `doctor --fix` says it mends is broken at once, and something that it must leave alone. */
describe.skipIf(DOCKER_MISSING)("a deployment with faults here and on its host (needs Docker)", () => {
  let clone: Clone;

  const DRIFTED = "/etc/logrotate.d/tms-llm";
  const pulumiHome = () => clone.path(".tms-llm/pulumi-home");
  const lock = () => clone.path(".tms-llm/state/.pulumi/locks/organization/tms-llm/dev/5d5b7ba5.json");
  const stateFile = () => clone.path(".tms-llm/state/.pulumi/stacks/tms-llm/dev.json");
  const running = async () =>
    (await execa("docker", ["container", "inspect", "--format", "{{.State.Running}}", clone.host().name])).stdout;

  const leaveLock = (machine: string, pid: number) => {
    mkdirSync(clone.path(".tms-llm/state/.pulumi/locks/organization/tms-llm/dev"), { recursive: true });
    writeFileSync(
      lock(),
      JSON.stringify({ pid, username: "ops", hostname: machine, timestamp: new Date().toISOString() }),
    );
  };
  /** As Pulumi leaves its state when it is killed while it makes something. */
  const leaveHalfMade = (name: string) => {
    const state = JSON.parse(clone.read(".tms-llm/state/.pulumi/stacks/tms-llm/dev.json")) as State;
    const resource = state.checkpoint.latest.resources.find(({ urn }) => urn.endsWith(`::${name}`));
    state.checkpoint.latest.pending_operations = [{ resource, type: "creating" }];
    writeFileSync(stateFile(), JSON.stringify(state));
  };
  const halfMade = () =>
    (JSON.parse(clone.read(".tms-llm/state/.pulumi/stacks/tms-llm/dev.json")) as State).checkpoint.latest
      .pending_operations ?? [];

  beforeAll(async () => {
    clone = await Clone.make();
    clone.configure(PATIENT);
    const up = await clone.run(["up"]);
    expect(up.exitCode, up.output).toBe(0);

    await clone.host().shell(`echo '# by hand' >>${DRIFTED}`);
    await execa("docker", ["stop", clone.host().name]);
    leaveHalfMade("phase-gateway");
    leaveLock(hostname(), processThatEnded());
    rmSync(pulumiHome(), { recursive: true });
  });
  afterAll(() => clone.remove());
  beforeEach(({ onTestFailed }) => {
    onTestFailed(() => console.error(clone.console.slice(-8000)));
  });

  it("is told what is wrong, and nothing is mended unasked", async () => {
    const { exitCode, output } = await clone.run(["doctor"]);
    expect(output).toMatch(/^missing {2}.*plugins.*npm run up -- dev makes it$/m);
    expect(output).toContain("host     the sandbox is stopped; npm run up -- dev mends that");
    expect(exitCode).toBe(0);
    expect(await running()).toBe("false");
    expect(halfMade()).toHaveLength(1);
    expect([existsSync(lock()), existsSync(pulumiHome())]).toEqual([true, false]);
  });

  it("is mended here by --fix; of what differs on the host it is only told", async () => {
    const { exitCode, output } = await clone.run(["doctor", "dev", "--fix"]);
    expect(exitCode, output).toBe(0);
    expect(existsSync(pulumiHome())).toBe(true);
    expect(output).toMatch(
      /^mended {3}The last run was killed \(pulumi, process \d+ of ops on .*\); its lock on dev is released\.$/m,
    );
    expect(existsSync(lock())).toBe(false);
    expect(output).toContain("The last run was killed while it made phase-gateway: made anew now.");
    expect(halfMade()).toEqual([]);
    expect(output).toContain(`The sandbox ${clone.host().name} was stopped; starting it.`);
    expect(await running()).toBe("true");

    expect(output).toMatch(/host {5}dev: drifted in 1 place\./);
    expect(await clone.host().shell(`tail -n 1 ${DRIFTED}`)).toBe("# by hand");
  });

  it("keeps a lock whose process may run on another machine, and is told what to do about it", async () => {
    leaveLock("build-7", 4711);
    const { exitCode, output } = await clone.run(["doctor", "dev", "--fix"]);
    expect(output).toContain("Whether that still runs cannot be told from here. Nothing was done.");
    expect(output).toContain("pulumi cancel --stack dev");
    expect(exitCode).toBe(1);
    expect(existsSync(lock())).toBe(true);
    rmSync(lock());
  });

  it("is found and proven where Docker listens in the place of a rootless daemon alone (needs root)", async () => {
    const { exitCode, output } = await clone.shell(`mkdir .tms-llm/runtime && touch .tms-llm/runtime/docker.sock
      exec unshare --mount bash -c '
        mount --bind /var/run/docker.sock .tms-llm/runtime/docker.sock
        mount --bind /dev/null /var/run/docker.sock
        export XDG_RUNTIME_DIR=$PWD/.tms-llm/runtime
        node toolchain/start.mjs doctor && node toolchain/start.mjs smoke'`);
    expect(output).toMatch(/host {5}dev: drifted in 1 place\./);
    expect(output).toContain("Smoke test: pass");
    expect(exitCode, output).toBe(0);
  });
});

interface State {
  readonly checkpoint: {
    readonly latest: { readonly resources: { readonly urn: string }[]; pending_operations?: unknown[] };
  };
}

/** The id of a process that has run to its end. */
const processThatEnded = () => spawnSync("true").pid;
