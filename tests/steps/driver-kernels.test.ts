import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { renderHint } from "../../cli/drift";
import { parseDriftLines } from "../../plan/drift";
import { DRIFT_TEXT } from "../../plan/render/loader";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { anchor, checkHost, prepareMaterial, runPhase } from "../harness/deployment";
import {
  callItself,
  makeDebs,
  signedDriverStep,
  standInKernel,
  standInModules,
  type MadePackage,
} from "../harness/driver";
import { chosenSeed, killPhase, seededRandom } from "../harness/kill";
import { differences, takeSnapshot } from "../harness/snapshot";

const UBUNTU = 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\nPRETTY_NAME="Ubuntu 24.04.3 LTS"\n';
const MODULES = "linux-modules-nvidia-580-server-open";
const META = "generic-hwe-24.04";

/** A kernel's release, by its number. */
const kernel = (number: number) => `6.14.0-${number}-generic`;

/** As Ubuntu's archive has them: a kernel with the modules that Canonical has built of one version of the driver. */
const kernelPackages = (number: number, driver: string): MadePackage[] => {
  const version = `6.14.0-${number}.${number}`;
  const name = kernel(number);
  const common = `nvidia-kernel-common-580-server (<= ${driver}-0ubuntu1), nvidia-kernel-common-580-server (>= ${driver})`;
  return [
    { name: `linux-image-${name}`, version, files: { [`/boot/vmlinuz-${name}`]: "" } },
    { name: `linux-modules-extra-${name}`, version },
    { name: `linux-image-${META}`, version, needs: `linux-image-${name}, linux-modules-extra-${name}` },
    {
      name: `${MODULES}-${name}`,
      version,
      needs: `linux-image-${name}, ${common}`,
      files: { [`/lib/modules/${name}/kernel/nvidia.ko`]: `${driver}\n` },
    },
    { name: `${MODULES}-${META}`, version, needs: `${MODULES}-${name} (= ${version}), ${common}` },
  ];
};

/** The rest of the driver; nvidia-smi comes with its programs, the libraries say their version. */
const driverPackages = (release: string): MadePackage[] => {
  const version = `${release}-0ubuntu1`;
  return [
    { name: "nvidia-kernel-common-580-server", version, needs: `nvidia-firmware-580-server-${release}` },
    { name: `nvidia-firmware-580-server-${release}`, version },
    {
      name: "libnvidia-compute-580-server",
      version,
      files: { "/usr/share/made-for-test/nvidia-library": `${release}\n` },
    },
    {
      name: "nvidia-headless-no-dkms-580-server-open",
      version,
      needs: `nvidia-kernel-common-580-server (>= ${release}), libnvidia-compute-580-server (= ${version})`,
    },
    { name: "nvidia-utils-580-server", version, needs: "libnvidia-compute-580-server", program: true },
  ];
};
const RELEASES = ["580.126.09", "580.200.01", "580.210.02", "580.220.03"] as const;
const NAMES = [
  "libnvidia-compute-580-server",
  "nvidia-headless-no-dkms-580-server-open",
  "nvidia-kernel-common-580-server",
  "nvidia-utils-580-server",
];

describe.skipIf(DOCKER_MISSING)(
  "signed modules and kernels that come and go, by real apt, on a Debian host that calls itself Ubuntu 24.04 under Secure Boot; packages of the real names are made for the test, kmod, uname and nvidia-smi are stand-ins (needs Docker)",
  () => {
    const seed = chosenSeed();
    const random = seededRandom(seed);
    let host: BareHost;
    const apply = (reboot = false) => runPhase(host, "base", signedDriverStep(reboot));
    const drift = async () => (await checkHost(host)).map(({ what, found }) => `${what}: ${found}`);
    const versions = () =>
      host.shell(`dpkg-query -W -f '\${Version} \${db:Status-Want}\\n' ${NAMES.join(" ")} | sort -u`);
    const publish = async (packages: readonly MadePackage[]) => {
      await makeDebs(host, "/srv/archive", packages);
      await host.shell("apt-get -qq update");
    };
    /** As unattended-upgrades does it, new packages included. */
    const upgrade = () =>
      host.shell(
        "mkdir -p /run/no && DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dir::Etc::SourceList=/etc/apt/sources.list.d/archive.list -o Dir::Etc::SourceParts=/run/no dist-upgrade >/run/upgrade.log 2>&1",
      );
    const boot = (number: number) => host.shell(`echo ${kernel(number)} >/etc/made-kernel; rm -f /run/nvidia-loaded`);

    beforeAll(async () => {
      host = await BareHost.start((await prepareMaterial()).image);
      await host.shell(`export DEBIAN_FRONTEND=noninteractive
        for attempt in 1 2; do apt-get -qq install --no-install-recommends apt-utils >/dev/null 2>&1 && break; apt-get -qq update; done`);
      await standInModules(host);
      await standInKernel(host, kernel(87));
      await makeDebs(host, "/srv/archive", [...kernelPackages(87, RELEASES[0]), ...driverPackages(RELEASES[0])]);
      await host.shell(
        `echo 'deb [trusted=yes] file:/srv/archive /' >/etc/apt/sources.list.d/archive.list && apt-get -qq update && apt-get -qq install linux-image-${META} >/dev/null 2>&1`,
      );
      await callItself(host, UBUNTU);
      await anchor(host);
      console.log(`TMS_LLM_SEED=${seed}`);
    });
    afterAll(() => host.remove());

    test("the modules come by the meta package that goes with the host's kernels, and are not held; the rest is", async () => {
      await publish(kernelPackages(88, RELEASES[0]));
      await apply();
      expect(await host.shell(`dpkg-query -W -f '\${Package}\\n' '${MODULES}-*' | sort | xargs`)).toBe(
        `${MODULES}-${kernel(87)} ${MODULES}-${kernel(88)} ${MODULES}-${META}`,
      );
      // A newer kernel that came with them is whole.
      expect(await host.shell(`dpkg-query -W -f '\${Package} ' 'linux-modules-extra-*'`)).toContain(kernel(88));
      expect(await host.shell(`cat /run/nvidia-loaded; apt-mark showhold | sort | xargs`)).toBe(
        `580.126.09\n${[NAMES[0], `nvidia-firmware-580-server-${RELEASES[0]}`, ...NAMES.slice(1)].sort().join(" ")}`,
      );
      const applied = await takeSnapshot(host);
      expect((await apply())[0]!.changed).toBe(0);
      expect(differences(applied, await takeSnapshot(host), "reapplied")).toEqual([]);
      expect(await drift()).toEqual([]);
    });

    test("the next kernel has its module without us, where it is of the same driver", async () => {
      await publish(kernelPackages(90, RELEASES[0]));
      await upgrade();
      expect(await host.shell(`modinfo -k ${kernel(90)} -F version nvidia`)).toBe(RELEASES[0]);
      expect(await drift()).toEqual([]);
    });

    test("a kernel whose module needs a newer driver is told, and waits: a GPU that works is not taken away", async () => {
      await publish([...kernelPackages(95, RELEASES[1]), ...driverPackages(RELEASES[1])]);
      await upgrade();
      expect(await checkHost(host)).toMatchObject([
        {
          what: "modules of the next kernel",
          found: `of a newer one: ${MODULES}-${kernel(95)}`,
          repair: expect.stringContaining("With gpu.reboot, up does all of it") as string,
        },
      ]);
      expect((await apply())[0]!.changed).toBe(0);
      expect(await versions()).toBe("580.126.09-0ubuntu1 hold");
    });

    test("up brings libraries and modules forward together where that kernel was booted, and everything stays held", async () => {
      await boot(95);
      expect((await drift())[0]).toBe("packages: not installed");
      await apply();
      expect(await host.shell("cat /run/nvidia-loaded")).toBe(RELEASES[1]);
      expect(await versions()).toBe("580.200.01-0ubuntu1 hold");
      expect(await drift()).toEqual([]);
      expect((await apply())[0]!.changed).toBe(0);
    });

    test("with consent to a reboot up does so before that kernel is booted, and asks for the reboot", async () => {
      await publish([...kernelPackages(96, RELEASES[2]), ...driverPackages(RELEASES[2])]);
      await upgrade();
      await expect(apply(true)).rejects.toThrow(
        /a reboot has to load it\n {2}why: nvidia-smi says: Failed to initialize NVML: Driver\/library version mismatch/,
      );
      expect(await versions()).toBe("580.210.02-0ubuntu1 hold");
      expect(await host.shell(`modinfo -k ${kernel(96)} -F version nvidia`)).toBe(RELEASES[2]);
      await host.reboot();
      await boot(96);
      await apply();
      expect(await drift()).toEqual([]);
    });

    test("killed on the way, the next run ends with one version, held", async () => {
      await publish([...kernelPackages(97, RELEASES[3]), ...driverPackages(RELEASES[3])]);
      await upgrade();
      await boot(97);
      const moments: number[] = [];
      for (let attempt = 0; attempt < 4; attempt++) {
        moments.push(300 + random() * 2200);
        await killPhase(host, "base", signedDriverStep(), moments.at(-1)!);
      }
      await apply();
      const told = `killed after ${moments.map((moment) => moment.toFixed(0)).join(", ")} ms`;
      expect(await versions(), told).toBe("580.220.03-0ubuntu1 hold");
      expect(await host.shell("cat /run/nvidia-loaded"), told).toBe(RELEASES[3]);
      expect(await drift(), told).toEqual([]);
    });

    test("a set of several versions, as a kill leaves it between two packages, is drift, and is mended", async () => {
      await publish(driverPackages("580.230.04").slice(-1));
      await host.shell(
        "apt-get -qq -y install --allow-change-held-packages nvidia-utils-580-server >/dev/null 2>&1; apt-mark unhold nvidia-utils-580-server",
      );
      expect(await drift()).toEqual([
        "the driver's packages: 580.220.03 580.230.04",
        "package nvidia-utils-580-server: not held",
      ]);
      // That version has no module for the running kernel.
      await publish([...kernelPackages(98, "580.230.04"), ...driverPackages("580.230.04")]);
      await apply();
      expect(await versions()).toBe("580.220.03-0ubuntu1 hold");
      expect(await host.shell("nvidia-smi -L")).toContain("GPU 0");
      expect(await drift()).toEqual([]);
    });

    test("a security update of what is held is a hint with the way to take it, and no drift", async () => {
      await upgrade();
      await host.reboot();
      await boot(98);
      await apply();
      await makeDebs(host, "/srv/security/noble-security", driverPackages("580.240.05").slice(-1));
      await host.shell(
        "echo 'deb [trusted=yes] file:/srv/security noble-security/' >/etc/apt/sources.list.d/security.list && apt-get -qq update",
      );
      const found = parseDriftLines(await host.shell(DRIFT_TEXT))!;
      expect(found.differences).toEqual([]);
      expect(found.hints.map(renderHint)).toEqual([
        "Worth knowing: a security update of the held driver: 580.240.05-0ubuntu1 is offered, 580.230.04-0ubuntu1 is installed.\n" +
          `  when the engine may stop, on the host as root: apt-get install --only-upgrade --allow-change-held-packages nvidia-utils-580-server ${MODULES}-${META}; reboot; then run up, which holds them again`,
      ]);
    });

    test("without a package that brings new kernels, the running kernel's modules alone are there, and that is told", async () => {
      await host.shell(
        `rm /etc/apt/sources.list.d/security.list; apt-get -qq update; dpkg --purge linux-image-${META} >/dev/null`,
      );
      const found = parseDriftLines(await host.shell(DRIFT_TEXT))!;
      expect(found.differences).toEqual([]);
      expect(found.hints.map(({ hint }) => hint)).toEqual(["the next kernel's modules"]);
    });
  },
);
