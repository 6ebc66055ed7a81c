import { afterAll, beforeAll, expect, test, describe } from "vitest";
import { hostsStep } from "../../plan/network";
import { PHASES, type Step } from "../../plan/step";
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

  test.each(PHASES)("is as before after the removal of a deployment that broke in the phase %s", async (phase) => {
    const broken: Step = { ...hostsStep({ noProxy: [], hosts: { localhost: "192.0.2.1" } })!, name: "broken", phase };
    const upTo = steps.filter((step) => PHASES.indexOf(step.phase) <= PHASES.indexOf(phase));
    await expect(deploy(host, [...upTo, broken])).rejects.toThrow(/localhost is 127\.0\.0\.1[^]* there already/);
    await host.shell("touch /var/lib/tms-llm/purge");
    await removeAll(host);
    const left = differences(before, await takeSnapshot(host), "equivalent");
    expect(left.filter((line) => !OUR_DATA.test(line))).toEqual([]);
    expect(await ownSite(host)).toBe("mine");
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
