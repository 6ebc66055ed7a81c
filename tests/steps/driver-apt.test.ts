import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Step } from "../../plan/step";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { anchor, checkHost, prepareMaterial, removeAll, runPhase } from "../harness/deployment";
import {
  callItself,
  driverStep,
  formerDriverStep,
  makeDebs,
  makeKey,
  standInKernel,
  standInModules,
  type MadePackage,
} from "../harness/driver";
import { chosenSeed, killPhase, seededRandom } from "../harness/kill";
import { differences, takeSnapshot, type Snapshot } from "../harness/snapshot";

const UBUNTU = 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\nPRETTY_NAME="Ubuntu 24.04.3 LTS"\n';

const TOOLS = `export DEBIAN_FRONTEND=noninteractive
  for attempt in 1 2; do
    apt-get -qq install --no-install-recommends apt-utils gpg gpg-agent >/run/tools.log 2>&1 && break
    apt-get -qq update
  done`;

const held = "apt-mark showhold | sort | xargs";
const loaded = "cat /run/nvidia-loaded";
const ownState = (line: string) => line.includes("/var/lib/tms-llm");

async function bareHost(): Promise<BareHost> {
  const host = await BareHost.start((await prepareMaterial()).image);
  await host.shell(TOOLS);
  await standInModules(host);
  return host;
}

const KERNEL = "6.1.0-41-amd64";

/** A kernel with the package that brings the next ones, and the headers of both. */
async function kernel(host: BareHost): Promise<readonly MadePackage[]> {
  await standInKernel(host, KERNEL);
  // The epoch puts them before those of Debian's own archive.
  const version = "1:6.1.158-1";
  return [
    { name: `linux-image-${KERNEL}`, version },
    { name: "linux-image-amd64", version, needs: `linux-image-${KERNEL} (= ${version})` },
    { name: `linux-headers-${KERNEL}`, version },
    { name: "linux-headers-amd64", version, needs: `linux-headers-${KERNEL} (= ${version})` },
  ];
}

const installMeta = (host: BareHost) => host.shell("apt-get -qq -y install linux-image-amd64 >/dev/null 2>&1");

const purge = async (host: BareHost) => {
  await host.shell("touch /var/lib/tms-llm/purge");
  await removeAll(host);
  await host.shell("rm -f /run/nvidia-loaded");
};

/** What the stand-in for modprobe makes is the kernel's, and goes with a reboot. */
const left = (before: Snapshot, after: Snapshot) =>
  differences(before, after, "equivalent").filter((line) => !line.includes("/dev/nvidia") && !ownState(line));

const removeByHand = (host: BareHost) =>
  host.shell(`apt-mark unhold 'nvidia-*' >/dev/null
    apt-get -qq -y purge 'nvidia-*' 'linux-headers-*' >/dev/null 2>&1
    rm -f /run/nvidia-loaded /etc/modprobe.d/tms-llm-nouveau.conf`);

describe.skipIf(DOCKER_MISSING)(
  "a driver from the distribution's archive, on a Debian host that calls itself Ubuntu 24.04; packages of the real names are made for the test, kmod, uname and nvidia-smi are stand-ins (needs Docker)",
  () => {
    const seed = chosenSeed();
    const random = seededRandom(seed);
    let host: BareHost;
    let driver: readonly Step[];
    let bare: Snapshot;

    const apply = () => runPhase(host, "base", driver);
    const drift = async () => (await checkHost(host)).map(({ what, found }) => `${what}: ${found}`);
    const PACKAGES = [
      { name: "nvidia-headless-580-server-open", version: "580.126.09-1", needs: "nvidia-dkms-580-server-open" },
      { name: "nvidia-dkms-580-server-open", version: "580.126.09-1", driver: true },
      { name: "nvidia-utils-580-server", version: "580.126.09-1" },
    ];
    const HELD = "nvidia-dkms-580-server-open nvidia-headless-580-server-open nvidia-utils-580-server";

    beforeAll(async () => {
      host = await bareHost();
      await makeDebs(host, "/srv/archive", [...(await kernel(host)), ...PACKAGES]);
      await host.shell(
        "echo 'deb [trusted=yes] file:/srv/archive /' >/etc/apt/sources.list.d/archive.list && apt-get -qq update",
      );
      await installMeta(host);
      await callItself(host, UBUNTU);
      driver = driverStep("ubuntu-24.04");
      bare = await takeSnapshot(host);
      console.log(`TMS_LLM_SEED=${seed}`);
    });
    afterAll(() => host.remove());

    test("is installed with the running kernel's headers, held and loaded, once", async () => {
      await anchor(host);
      expect((await apply())[0]!.changed).toBeGreaterThan(0);
      expect(await host.shell(loaded)).toBe("580.126.09");
      expect(await host.shell(held)).toBe(HELD);
      expect(await host.shell("dpkg-query -W -f '${Package}\\n' 'linux-headers-*' | xargs")).toBe(
        `linux-headers-${KERNEL} linux-headers-amd64`,
      );
      const applied = await takeSnapshot(host);
      expect((await apply())[0]!.changed).toBe(0);
      expect(differences(applied, await takeSnapshot(host), "reapplied")).toEqual([]);
      expect(await drift()).toEqual([]);
    });

    test("is not touched by an upgrade", async () => {
      await makeDebs(
        host,
        "/srv/archive",
        PACKAGES.map((made) => ({ ...made, version: "580.200.01-1" })),
      );
      await host.shell(
        "apt-get -qq update && mkdir -p /run/no && apt-get -qq -y -o Dir::Etc::SourceList=/etc/apt/sources.list.d/archive.list -o Dir::Etc::SourceParts=/run/no upgrade >/dev/null 2>&1",
      );
      expect(await host.shell("dpkg-query -W -f '${Version}' nvidia-utils-580-server")).toBe("580.126.09-1");
      expect(await drift()).toEqual([]);
    });

    test("a hold that somebody took off, and a driver that went, are drift, and are mended", async () => {
      await host.shell("apt-mark unhold nvidia-utils-580-server && rm /run/nvidia-loaded");
      expect(await drift()).toEqual([
        "package nvidia-utils-580-server: not held",
        expect.stringContaining("NVIDIA driver: nvidia-smi says: NVIDIA-SMI has failed"),
      ]);
      await apply();
      expect(await drift()).toEqual([]);
    });

    test("stays when the stack file no longer asks for it: from then on it is the operator's, and nothing is done to it", async () => {
      await runPhase(host, "base", []);
      expect(await host.shell(`${loaded}; ${held}`)).toBe(`580.126.09\n${HELD}`);
      const theirs = await takeSnapshot(host);
      expect((await apply())[0]!.changed).toBe(0);
      expect(differences(theirs, await takeSnapshot(host), "equivalent").filter((line) => !ownState(line))).toEqual([]);
      await removeByHand(host);
    });

    test("stays when the deployment goes", async () => {
      await apply();
      await removeAll(host);
      expect(await host.shell(`${loaded}; ${held}`)).toBe(`580.200.01\n${HELD}`);
      await removeByHand(host);
    });

    test("a driver that another one holds the GPU against waits for a reboot, says so, and goes on after it", async () => {
      await anchor(host);
      await host.shell("touch /run/nouveau");
      const wanted =
        /nvidia-driver: the driver is installed, and a reboot has to load it\n {2}why: nvidia-smi says: .*\n {2}way out: reboot the host, then run up again: it goes on from here/;
      await expect(apply()).rejects.toThrow(wanted);
      await expect(apply()).rejects.toThrow(wanted);
      await host.reboot();
      await host.shell("touch /run/nouveau");
      await expect(apply()).rejects.toThrow(/nvidia-driver: the driver does not answer, also after a reboot\n/);
      await expect(apply()).rejects.toThrow(wanted);
      await host.reboot();
      await apply();
      expect(await drift()).toEqual([]);
    });

    test("goes without a trace when it is purged", async () => {
      await purge(host);
      expect(left(bare, await takeSnapshot(host))).toEqual([]);
    });

    test("goes without a trace when it was killed on the way", async () => {
      await anchor(host);
      const moment = 300 + random() * 1500;
      await killPhase(host, "base", driver, moment);
      await purge(host);
      expect(left(bare, await takeSnapshot(host)), `killed after ${moment.toFixed(0)} ms`).toEqual([]);
    });

    test("a driver of the wrong branch is said, not loaded", async () => {
      await anchor(host);
      await makeDebs(host, "/srv/archive", [{ ...PACKAGES[1]!, version: "590.10-1" }]);
      await host.shell("apt-get -qq update");
      await expect(apply()).rejects.toThrow(
        /another driver than the wanted branch was installed\n {2}why: module 590.10, branch 580/,
      );
      await purge(host);
    });
  },
);

describe.skipIf(DOCKER_MISSING)(
  "a driver from NVIDIA's repository on Debian 12, by a signed mirror made for the test; kmod, uname and nvidia-smi are stand-ins (needs Docker)",
  () => {
    let host: BareHost;
    let fingerprint: string;
    let bare: Snapshot;
    const FOLDER = "/srv/nvidia/debian12/x86_64";
    const mirror = (key?: string) =>
      driverStep("debian-12-sandbox", {
        mirrors: { nvidiaDriver: { url: "file:///srv/nvidia", ...(key === undefined ? {} : { key }) } },
      });
    const apply = (key?: string) => runPhase(host, "base", mirror(key));

    beforeAll(async () => {
      host = await bareHost();
      fingerprint = await makeKey(host);
      const pin = "Package: *nvidia*\nPin: version 580.*\nPin-Priority: 1001\n";
      await makeDebs(host, FOLDER, [
        ...(await kernel(host)),
        { name: "nvidia-driver-pinning-580", version: "580", files: { "/etc/apt/preferences.d/nvidia-made": pin } },
        ...["580.126.09-1", "590.48.01-1"].flatMap((version) => [
          { name: "nvidia-kernel-open-dkms", version, driver: true },
          { name: "nvidia-driver-cuda", version },
          { name: "nvidia-driver", version },
          {
            name: "nvidia-open",
            version,
            needs: `nvidia-driver (= ${version}), nvidia-kernel-open-dkms (= ${version})`,
          },
        ]),
      ]);
      await host.shell(`set -e; export GNUPGHOME=/run/made/gnupg; cd ${FOLDER}
        gpg --batch --quiet --clearsign --output InRelease Release; gpg --armor --export >3bf863cc.pub`);
      await anchor(host);
      bare = await takeSnapshot(host);
    });
    afterAll(() => host.remove());

    test("a key that is not the pinned one is refused before anything comes from there", async () => {
      await expect(apply()).rejects.toThrow(
        new RegExp(
          `nvidia-driver: the key at file:///srv/nvidia/debian12/x86_64/3bf863cc.pub is not the one that is pinned\\n {2}why: fingerprint ${fingerprint}, pinned EB693B3035CD5710E231E123A4B469963BF863CC`,
        ),
      );
      expect(await host.shell("ls /etc/apt/sources.list.d /usr/share/keyrings")).not.toContain("nvidia");
    });

    test("the branch is pinned, although a newer one is offered; nothing for a desktop is installed, and Debian's contrib comes along", async () => {
      await apply(fingerprint);
      expect(await host.shell("cat /run/nvidia-loaded; apt-mark showhold | sort | xargs")).toBe(
        "580.126.09\nnvidia-driver-cuda nvidia-driver-pinning-580 nvidia-kernel-open-dkms",
      );
      expect(
        await host.shell("apt-get indextargets --format '$(COMPONENT)' 'Created-By: Packages' | sort -u"),
      ).toContain("contrib");
      expect((await apply(fingerprint))[0]!.changed).toBe(0);
      expect(await checkHost(host)).toEqual([]);
    });

    test("a host that was given the whole driver keeps it as it is: packages, holds, ledger", async () => {
      await purge(host);
      await anchor(host);
      await runPhase(host, "base", formerDriverStep(mirror(fingerprint)));
      const former = "nvidia-driver nvidia-driver-pinning-580 nvidia-kernel-open-dkms nvidia-open";
      const told = `${held}; grep -c . /var/lib/tms-llm/ledger; dpkg-query -W -f '\${Package}\\n' 'nvidia-*' | xargs`;
      const before = await host.shell(told);
      expect(before).toContain(former);
      const snapshot = await takeSnapshot(host);
      expect((await apply(fingerprint))[0]!.changed).toBe(0);
      expect(await host.shell(told)).toBe(before);
      expect(differences(snapshot, await takeSnapshot(host), "equivalent").filter((line) => !ownState(line))).toEqual(
        [],
      );
      expect(await checkHost(host)).toEqual([]);
    });

    test("goes without a trace when it is purged, repository and key included", async () => {
      await purge(host);
      expect(left(bare, await takeSnapshot(host))).toEqual([]);
    });

    test("a list of somebody else's that names the same repository is used as it is", async () => {
      await host.shell(
        `echo 'deb [trusted=yes] file:${FOLDER} /' >/etc/apt/sources.list.d/cuda.list && apt-get -qq update`,
      );
      await anchor(host);
      await apply(fingerprint);
      expect(await host.shell("ls /etc/apt/sources.list.d")).not.toContain("tms-llm-nvidia");
      expect(await checkHost(host)).toEqual([]);
    });
  },
);
