import { afterAll, beforeAll, expect, test, describe } from "vitest";
import type { Step } from "../../plan/step";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { checkHost, deploy, plannedSteps, prepareMaterial, removeAll } from "../harness/deployment";
import { OCCUPY, OUR_DATA, ownSite } from "../harness/occupied-host";
import { differences, takeSnapshot, type Snapshot } from "../harness/snapshot";

describe.skipIf(DOCKER_MISSING)("a host that had nginx, ufw and a user tms before (needs Docker)", () => {
  let host: BareHost;
  let steps: readonly Step[];
  let before: Snapshot;

  beforeAll(async () => {
    const material = await prepareMaterial();
    host = await BareHost.start(material.image);
    await host.shell(`set -e; ${OCCUPY}`);
    before = await takeSnapshot(host);
    steps = plannedSteps(material);
  });
  afterAll(() => host.remove());

  test("goes on serving what it served, beside the endpoint", async () => {
    await deploy(host, steps);
    expect(await ownSite(host)).toBe("mine");
    expect(await checkHost(host)).toEqual([]);
    expect(await host.shell("getent passwd tms")).toContain(":/home/tms:/bin/bash");
    expect(await host.shell("ufw status")).toMatch(/^8080\/tcp +ALLOW +10\.0\.0\.0\/8/m);
  });

  test.each([
    ["a removal", "true"],
    ["a purging removal", "touch /var/lib/tms-llm/purge"],
  ])("is as before after %s", async (_, mark) => {
    await deploy(host, steps);
    await host.shell(mark);
    await removeAll(host);
    const left = differences(before, await takeSnapshot(host), "equivalent");
    expect(left.filter((line) => !OUR_DATA.test(line))).toEqual([]);
    expect(await ownSite(host)).toBe("mine");
  });
});
