import { rmSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Clone, DOCKER_MISSING } from "../harness/clone";

/** One deployment, a second one, and the way back; each test goes on where the one before stopped. */
describe.skipIf(DOCKER_MISSING)("a deployment that is rolled back (needs Docker)", () => {
  let clone: Clone;
  let first = "";

  const model = (context: number) => ({ name: "tiny", source: "builtin:tiny", context });
  const context = async () => clone.host().shell("grep -h num_ctx /opt/llm/modelfiles/*");
  const key = () => clone.read(".tms-llm", "dev", "tms.key");

  beforeAll(async () => {
    clone = await Clone.make();
    clone.configure({ models: [model(2048)] });
    const up = await clone.run(["up"]);
    expect(up.exitCode, up.output).toBe(0);
    first = clone.read("Pulumi.dev.yaml");
  });
  afterAll(() => clone.remove());
  beforeEach(({ onTestFailed }) => {
    onTestFailed(async () => console.error(await clone.host().journal()));
  });

  it("has nothing to go back to after the first", async () => {
    const run = await clone.run(["rollback", "--yes"]);
    expect([run.exitCode, run.output]).toEqual([4, expect.stringContaining("no other deployment of dev")]);
  });

  it("shows what changes, and touches nothing unless somebody says yes", async () => {
    clone.configure({ models: [model(1024)] });
    const up = await clone.run(["up"]);
    expect(up.exitCode, up.output).toBe(0);
    const second = clone.read("Pulumi.dev.yaml");
    const run = await clone.run(["rollback"]);
    expect(run.exitCode, run.output).toBe(4);
    expect(run.output).toMatch(/^-\s+context: 1024\n\+\s+context: 2048$/m);
    expect(clone.read("Pulumi.dev.yaml")).toBe(second);
  });

  it("touches nothing where the person at the terminal says no", async () => {
    const second = clone.read("Pulumi.dev.yaml");
    const run = clone.startInTerminal(["rollback"]);
    await run.says("Deploy this? [y/N]");
    run.type("n\r");
    const { exitCode, output } = await run.done;
    expect(output).toContain("Nothing was changed: the question was not answered with yes.");
    expect(exitCode).toBe(1);
    expect(clone.read("Pulumi.dev.yaml")).toBe(second);
  });

  it("touches nothing while another verb is at work on the stack", async () => {
    const second = clone.read("Pulumi.dev.yaml");
    clone.write(`${process.pid} up`, ".tms-llm/dev/run.lock");
    const run = await clone.run(["rollback", "--yes"]);
    rmSync(clone.path(".tms-llm/dev/run.lock"));
    expect(run.output).toContain("Another run is at work on dev: npm run up");
    expect(run.exitCode).toBe(1);
    expect(clone.read("Pulumi.dev.yaml")).toBe(second);
  });

  it("deploys the stack file of the deployment before, and the client's key stays", async () => {
    const before = key();
    const run = await clone.run(["rollback", "--yes"]);
    expect(run.exitCode, run.output).toBe(0);
    expect(clone.read("Pulumi.dev.yaml")).toBe(first);
    expect(await context()).toContain("2048");
    expect(key()).toBe(before);
  });

  it("goes back to the last good deployment after one that failed", async () => {
    clone.configure({ models: [model(2048), { name: "lost", source: "ollama:no-such-model", context: 2048 }] });
    const failed = await clone.run(["up"]);
    expect(failed.exitCode, failed.output).toBe(1);
    const run = await clone.run(["rollback", "--yes"]);
    expect(run.exitCode, run.output).toBe(0);
    expect(clone.read("Pulumi.dev.yaml")).toBe(first);
    const drift = await clone.run(["drift"]);
    expect(drift.exitCode, drift.output).toBe(0);
  });
});
