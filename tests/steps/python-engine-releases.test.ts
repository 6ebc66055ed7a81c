import { createHash } from "node:crypto";
import { basename } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { PAUSE_MARK } from "../../plan/render/nginx-errors";
import type { PhaseName, Step } from "../../plan/step";
import type { BareHost } from "../harness/bare-host";
import { checkHost, deliver, deploy, runPhase } from "../harness/deployment";
import { EngineHost, engineTests } from "../harness/engine-host";

const { skip, title } = engineTests("transformers");

const HOME = "/opt/llm/transformers";
/** Name of the folder of a plan's release. */
const releaseOf = (steps: readonly Step[]) =>
  basename(steps.find(({ name }) => name === "transformers")!.inputs["release"]!);

/** The plan of another release: another folder of the release, and so of the deployment. */
function renumbered(steps: readonly Step[], release: string): readonly Step[] {
  const deployment = steps
    .find(({ inputs }) => inputs["deployment"])!
    .inputs["deployment"]!.split("/")
    .at(-1)!;
  const other = createHash("sha256").update(release).digest("hex").slice(0, 12);
  const renamed = JSON.stringify(steps).replaceAll(releaseOf(steps), release).replaceAll(deployment, other);
  // What is sent lies on this machine under its old name.
  return (JSON.parse(renamed) as readonly Step[]).map((step, index) => ({
    ...step,
    artifacts: steps[index]!.artifacts,
  }));
}

describe.skipIf(skip)(`releases of Transformers, the same packages under other numbers (${title})`, () => {
  let engine: EngineHost;
  let host: BareHost;
  let steps: readonly Step[];
  let first: string;

  beforeAll(async () => {
    engine = await EngineHost.start("transformers");
    ({ host } = engine);
    steps = engine.planned();
    first = releaseOf(steps);
    await deploy(host, steps);
  });
  afterAll(() => engine.remove());
  beforeEach(({ onTestFailed }) => {
    onTestFailed(async () => console.error(await host.journal()));
  });

  const run = async (plan: readonly Step[], name: PhaseName) =>
    runPhase(
      host,
      name,
      plan.filter(({ phase }) => phase === name),
    );
  const kept = () => host.shell(`cd ${HOME} && ls -d [0-9]*`);
  const python = () => host.shell(`stat -c '%i %Z' ${HOME}/${first}/bin/python`);
  const running = () => host.shell(`readlink ${HOME}/current/release`);
  test("a later one is installed beside it, and its start is a pause", async () => {
    const later = renumbered(steps, "5.23.1-cpu");
    await deliver(host, later);
    await run(later, "engine");
    const paused = host.ask(`for i in $(seq 600); do [ -e ${PAUSE_MARK} ] && exit; sleep 0.1; done; exit 1`);
    await run(later, "model");
    expect((await paused).exitCode).toBe(0);
    expect((await host.ask(`ls ${PAUSE_MARK}`)).exitCode).not.toBe(0);
    expect((await engine.ask("/v1/models")).status).toBe(200);
    expect(await running()).toBe(`${HOME}/5.23.1-cpu`);
    expect(await kept()).toBe(`${first}\n5.23.1-cpu`);
    expect(await checkHost(host)).toEqual([]);
  });

  test("going back installs nothing, nor is anything sent", async () => {
    const before = await python();
    await run(steps, "engine");
    await run(steps, "model");
    expect((await engine.ask("/v1/models")).status).toBe(200);
    expect([await running(), await python()]).toEqual([`${HOME}/${first}`, before]);
    expect(await kept()).toBe(`${first}\n5.23.1-cpu`);
    expect(await checkHost(host)).toEqual([]);
  });

  test("of three the oldest goes, once the third has proven itself", async () => {
    const third = renumbered(steps, "5.23.2-cpu");
    await deliver(host, third);
    await run(third, "engine");
    expect(await kept()).toBe(`${first}\n5.23.1-cpu\n5.23.2-cpu`);
    await run(third, "model");
    expect(await kept()).toBe(`${first}\n5.23.2-cpu`);
    expect(await checkHost(host)).toEqual([]);
  });
});
