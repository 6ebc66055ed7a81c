import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { anchor, checkHost, prepareMaterial, removeAll, runPhase } from "../harness/deployment";
import { driverStep, makeKey, standInModules } from "../harness/driver";
import { becomeOracleLinux, EVERY_HOST, makeRpms, rpmTools, type MadeRpm } from "../harness/rpms";
import { differences, takeSnapshot, type Snapshot } from "../harness/snapshot";

/** Oracle's own kernel, as the host says that it runs. */
const KERNEL = { version: "5.15.0", release: "300.163.18.el8uek" };

/** The host says that it runs that kernel. */
const OTHER_KERNEL = `
  printf '#!/bin/sh\\nif [ "$*" = -r ]; then echo ${KERNEL.version}-${KERNEL.release}.x86_64; else exec /usr/bin/uname "$@"; fi\\n' >/usr/local/bin/uname
  chmod 0755 /usr/local/bin/uname`;

/** What every host of the family has, and what its own repositories offer. */
const HOST: readonly MadeRpm[] = [
  ...EVERY_HOST,
  { name: "kernel-uek-devel", ...KERNEL },
  { name: "python3-dnf-plugin-versionlock", version: "1" },
  {
    name: "oracle-epel-release-el8",
    version: "1",
    files: { "/etc/yum.repos.d/epel-made.repo": "[epel]\nname=epel\nbaseurl=file:///srv/epel\ngpgcheck=0\n" },
  },
];
const EPEL: readonly MadeRpm[] = [{ name: "dkms", version: "3" }];
const driver = (version: string): readonly MadeRpm[] => [
  { name: "nvidia-open", epoch: 3, version, needs: `kmod-nvidia-open-dkms = 3:${version}` },
  { name: "kmod-nvidia-open-dkms", epoch: 3, version, needs: "dkms", driver: true },
];
const DRIVERS = ["580.126.09", "590.48.01"] as const;

/** NVIDIA's repository has a module stream per branch. */
const streams = DRIVERS.map(
  (version) => `---
document: modulemd
version: 2
data:
  name: nvidia-driver
  stream: ${version.slice(0, 3)}-open
  version: 20261101000000
  context: 0123abcd
  arch: x86_64
  summary: made for a test
  description: made for a test
  license:
    module: [MIT]
  dependencies:
    - requires:
        platform: [el8]
  artifacts:
    rpms:
${driver(version)
  .map(({ name }) => `      - ${name}-3:${version}-1.x86_64`)
  .join("\n")}
...
`,
).join("");

describe.skipIf(DOCKER_MISSING)(
  "a driver by real dnf and rpm from a signed mirror with module streams, on a Debian host that calls itself Oracle Linux 8; packages of the real names are made for the test, kmod, uname and nvidia-smi are stand-ins (needs Docker)",
  () => {
    let host: BareHost;
    let fingerprint: string;
    let bare: Snapshot;
    const FOLDER = "/srv/nvidia/rhel8/x86_64";
    const steps = (key?: string) =>
      driverStep("oracle-8", {
        mirrors: { nvidiaDriver: { url: "file:///srv/nvidia", ...(key === undefined ? {} : { key }) } },
      });
    const apply = (key?: string) => runPhase(host, "base", steps(key));
    const locked = "dnf -q versionlock list | sed 's/-[0-9]*:.*//' | sort | xargs";
    const installed = "rpm -qa --qf '%{NAME}\\n' | sort | xargs";
    const BEFORE = "bash gnupg2 oraclelinux-release";

    beforeAll(async () => {
      host = await BareHost.start((await prepareMaterial()).image);
      await rpmTools(host);
      await host.shell(OTHER_KERNEL);
      await standInModules(host);
      fingerprint = await makeKey(host);
      await makeRpms(host, "/srv/host", HOST);
      await makeRpms(host, "/srv/epel", EPEL);
      await makeRpms(host, FOLDER, DRIVERS.flatMap(driver), true);
      await host.shell("cat >/run/made/modules.yaml", streams);
      await host.shell(`set -e; modifyrepo_c --mdtype=modules /run/made/modules.yaml ${FOLDER}/repodata >/dev/null
        GNUPGHOME=/run/made/gnupg gpg --armor --export >${FOLDER}/D42D0685.pub`);
      await becomeOracleLinux(host, "/srv/host");
      await anchor(host);
      bare = await takeSnapshot(host);
    });
    afterAll(() => host.remove());

    test("a key that is not the pinned one is refused", async () => {
      await expect(apply()).rejects.toThrow(
        /is not the one that is pinned\n {2}why: fingerprint \w{40}, pinned 610C7B14E068A878070DA4E99CD0A493D42D0685/,
      );
      expect(await host.shell(installed)).toContain(BEFORE.split(" ").join(" "));
    });

    test("is installed from the branch's stream with the headers of Oracle's own kernel and DKMS from EPEL, held and loaded, once", async () => {
      expect((await apply(fingerprint))[0]!.changed).toBeGreaterThan(0);
      expect(await host.shell("cat /run/nvidia-loaded")).toBe("580.126.09");
      expect((await host.shell(installed)).replace(/gpg-pubkey ?/, "")).toBe(
        "bash dkms gnupg2 kernel-uek-devel kmod-nvidia-open-dkms nvidia-open oracle-epel-release-el8 oraclelinux-release python3-dnf-plugin-versionlock",
      );
      expect(await host.shell(locked)).toBe("kmod-nvidia-open-dkms nvidia-open");
      const applied = await takeSnapshot(host);
      expect((await apply(fingerprint))[0]!.changed).toBe(0);
      expect(differences(applied, await takeSnapshot(host), "reapplied")).toEqual([]);
      expect(await checkHost(host)).toEqual([]);
    });

    test("another stream, and a lock that somebody took off, are drift, and are mended", async () => {
      await host.shell(
        "dnf -q -y versionlock delete nvidia-open; dnf -q -y module reset nvidia-driver; dnf -q -y module enable nvidia-driver:590-open",
      );
      expect((await checkHost(host)).map(({ what, found }) => `${what}: ${found}`)).toEqual([
        "module nvidia-driver: 590-open",
        "package nvidia-open: not held",
      ]);
      await apply(fingerprint);
      expect(await checkHost(host)).toEqual([]);
      expect(await host.shell("rpm -q --qf '%{VERSION}' nvidia-open")).toBe("580.126.09");
    });

    test("stays when the deployment goes", async () => {
      await removeAll(host);
      expect(await host.shell(`${locked}; cat /run/nvidia-loaded`)).toBe(
        "kmod-nvidia-open-dkms nvidia-open\n580.126.09",
      );
    });

    test("goes without a trace when it is purged", async () => {
      await host.shell(`set -e; dnf -q -y versionlock clear; dnf -q -y remove nvidia-open kmod-nvidia-open-dkms dkms kernel-uek-devel oracle-epel-release-el8 python3-dnf-plugin-versionlock
        dnf -q -y module reset nvidia-driver; rm /etc/dnf/modules.d/nvidia-driver.module; rpm -e --allmatches gpg-pubkey
        rm -f /run/nvidia-loaded /etc/modprobe.d/tms-llm-nouveau.conf /etc/yum.repos.d/tms-llm-nvidia-driver.repo /etc/pki/rpm-gpg/RPM-GPG-KEY-tms-llm-nvidia-driver`);
      await anchor(host);
      await apply(fingerprint);
      await host.shell("touch /var/lib/tms-llm/purge");
      await removeAll(host);
      await host.shell("rm -f /run/nvidia-loaded");
      expect(
        differences(bare, await takeSnapshot(host), "equivalent").filter(
          (line) => !/\/dev\/nvidia|\/var\/lib\/tms-llm/.test(line),
        ),
      ).toEqual([]);
    });
  },
);
