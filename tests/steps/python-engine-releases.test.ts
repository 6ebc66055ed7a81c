import { createHash } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { PAUSE_MARK } from "../../plan/render/nginx-errors";
import type { PhaseName, Step } from "../../plan/step";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { checkHost, deliver, deploy, runPhase } from "../harness/deployment";
import { ENGINE_MISSING, engineMounts, engineStack, prepareEngine, stackSteps } from "../harness/python-engine";

const MISSING = ENGINE_MISSING.transformers;
const WHY = DOCKER_MISSING
  ? "needs Docker"
  : (MISSING ?? "Transformers on a CPU, the same packages under other numbers");

const HOME = "/opt/llm/transformers";
const FIRST = "5.23.0-cpu";

/** The plan of another release: another folder of the release, and so of the deployment. */
function renumbered(steps: readonly Step[], release: string): readonly Step[] {
  const deployment = steps
    .find(({ inputs }) => inputs["deployment"])!
    .inputs["deployment"]!.split("/")
    .at(-1)!;
  const other = createHash("sha256").update(release).digest("hex").slice(0, 12);
  const renamed = JSON.stringify(steps).replaceAll(FIRST, release).replaceAll(deployment, other);
  // What is sent lies on this machine under its old name.
  return (JSON.parse(renamed) as readonly Step[]).map((step, index) => ({
    ...step,
    artifacts: steps[index]!.artifacts,
  }));
}

describe.skipIf(DOCKER_MISSING || MISSING !== undefined)(`releases of an engine in Python (${WHY})`, () => {
  let host: BareHost;
  let steps: readonly Step[];

  beforeAll(async () => {
    const material = await prepareEngine("transformers");
    const config = engineStack("transformers");
    const mounts = engineMounts(material, config).flatMap(({ source, target }) => [
      "--volume",
      `${source}:${target}:ro`,
    ]);
    host = await BareHost.start(material.image, mounts);
    steps = stackSteps(material, config);
    await deploy(host, steps);
  });
  afterAll(() => host.remove());
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
  const python = () => host.shell(`stat -c '%i %Z' ${HOME}/${FIRST}/bin/python`);
  const running = () => host.shell(`readlink ${HOME}/current/release`);
  const answers = () =>
    host.shell(
      `curl --silent --max-time 60 --output /dev/null --write-out '%{http_code}' --header 'Authorization: Bearer ${"clienttmsa".padEnd(43, "0")}' http://127.0.0.1:8080/v1/models`,
    );

  test("a later one is installed beside it, and its start is a pause", async () => {
    const later = renumbered(steps, "5.23.1-cpu");
    await deliver(host, later);
    await run(later, "engine");
    const paused = host.ask(`for i in $(seq 600); do [ -e ${PAUSE_MARK} ] && exit; sleep 0.1; done; exit 1`);
    await run(later, "model");
    expect((await paused).exitCode).toBe(0);
    expect((await host.ask(`ls ${PAUSE_MARK}`)).exitCode).not.toBe(0);
    expect(await answers()).toBe("200");
    expect(await running()).toBe(`${HOME}/5.23.1-cpu`);
    expect(await kept()).toBe("5.23.0-cpu\n5.23.1-cpu");
    expect(await checkHost(host)).toEqual([]);
  });

  test("going back installs nothing, nor is anything sent", async () => {
    const before = await python();
    await run(steps, "engine");
    await run(steps, "model");
    expect(await answers()).toBe("200");
    expect([await running(), await python()]).toEqual([`${HOME}/${FIRST}`, before]);
    expect(await kept()).toBe("5.23.0-cpu\n5.23.1-cpu");
    expect(await checkHost(host)).toEqual([]);
  });

  test("of three the oldest goes, once the third has proven itself", async () => {
    const third = renumbered(steps, "5.23.2-cpu");
    await deliver(host, third);
    await run(third, "engine");
    expect(await kept()).toBe("5.23.0-cpu\n5.23.1-cpu\n5.23.2-cpu");
    await run(third, "model");
    expect(await kept()).toBe("5.23.0-cpu\n5.23.2-cpu");
    expect(await checkHost(host)).toEqual([]);
  });
});
