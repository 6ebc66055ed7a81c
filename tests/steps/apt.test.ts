import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Step } from "../../plan/step";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { anchor, plannedSteps, prepareMaterial, removeAll, runPhase } from "../harness/deployment";

/** A package of somebody else's that needs what came with us, as administrators install them later. */
const INSTALL_ANOTHER = `set -e
  mkdir -p /run/another/DEBIAN
  printf 'Package: another\\nVersion: 1\\nArchitecture: all\\nMaintainer: A Test <test@localhost>\\nDepends: nginx\\nDescription: made for a test\\n' >/run/another/DEBIAN/control
  dpkg-deb --build --root-owner-group /run/another /run/another.deb
  dpkg --install /run/another.deb`;

describe.skipIf(DOCKER_MISSING)("the packages of a step, by apt on Debian (needs Docker)", () => {
  let host: BareHost;
  let account: readonly Step[];
  let bare: readonly string[];

  beforeAll(async () => {
    const material = await prepareMaterial();
    host = await BareHost.start(material.image);
    account = plannedSteps(material).filter(({ name }) => name === "account");
    bare = await installed();
  });
  afterAll(() => host.remove());

  const installed = async () =>
    (await host.shell("dpkg-query -W -f='${db:Status-Status} ${Package}\\n' | sed -n 's/^installed //p'")).split("\n");
  const added = async () => (await installed()).filter((name) => !bare.includes(name));

  test.each<[removal: string, takeBack: () => Promise<unknown>]>([
    ["a step that goes", () => runPhase(host, "base", [])],
    ["a removal of everything", () => removeAll(host)],
  ])("%s leaves what somebody else's package has come to need, and that package, and says so", async (_, takeBack) => {
    await anchor(host);
    await runPhase(host, "base", account);
    expect(await added()).toEqual(expect.arrayContaining(["logrotate", "nginx", "nginx-common", "ufw"]));
    await host.shell(INSTALL_ANOTHER);
    await host.shell("journalctl --rotate --vacuum-time=1s --quiet");

    await takeBack();

    const left = await added();
    expect(left).toEqual(["another", "nginx", "nginx-common"]);
    expect(await host.shell("journalctl --identifier tms-llm --output cat")).toMatch(
      /nginx: stays, since others have come to need it: another\n/,
    );
    await host.shell(`apt-get -qq purge ${left.join(" ")}`);
    expect(await added()).toEqual([]);
  });
});
