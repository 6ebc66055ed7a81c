import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseDriftLines } from "../../plan/drift";
import { DRIFT_TEXT } from "../../plan/render/loader";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { anchor, checkHost, prepareMaterial, removeAll, runPhase } from "../harness/deployment";
import { driverStep, formerDriverStep, makeKey, standInKernel, standInModules } from "../harness/driver";
import { becomeOracleLinux, EVERY_HOST, makeRpms, rpmTools, type MadeRpm } from "../harness/rpms";
import { differences, takeSnapshot, type Snapshot } from "../harness/snapshot";

/** Oracle's own kernel, as the host says that it runs. */
const KERNEL = { version: "5.15.0", release: "300.163.18.el8uek" };

const RUNNING = `${KERNEL.version}-${KERNEL.release}.x86_64`;
/** As that kernel's own headers say it (Unbreakable Enterprise Kernel 7). */
const BUILT_BY = "gcc (GCC) 11.2.1 20220127 (Red Hat 11.2.1-9.2.0.1)";
const TOOLSET = "/opt/rh/gcc-toolset-11/root/usr/bin";
/** What a build asks its compiler; the system's own is an older one. */
const compiler = (release: number) => `#!/bin/sh\necho ${release}\n`;

/** What every host of the family has, and what its own repositories offer. */
const HOST: readonly MadeRpm[] = [
  ...EVERY_HOST,
  {
    name: "kernel-uek-devel",
    ...KERNEL,
    files: {
      [`/lib/modules/${RUNNING}/build/.config`]: `CONFIG_CC_VERSION_TEXT="${BUILT_BY}"\n`,
      [`/lib/modules/${RUNNING}/build/include/made`]: "",
    },
  },
  { name: "gcc-toolset-11-binutils", version: "2.36.1" },
  {
    name: "gcc-toolset-11-gcc",
    version: "11.2.1",
    needs: "gcc-toolset-11-binutils",
    files: { [`${TOOLSET}/gcc`]: compiler(11) },
  },
  { name: "python3-dnf-plugin-versionlock", version: "1" },
  {
    name: "oracle-epel-release-el8",
    version: "1",
    files: { "/etc/yum.repos.d/epel-made.repo": "[epel]\nname=epel\nbaseurl=file:///srv/epel\ngpgcheck=0\n" },
  },
];
const EPEL: readonly MadeRpm[] = [{ name: "dkms", version: "3" }];
const driver = (version: string): readonly MadeRpm[] => [
  {
    name: "nvidia-open",
    epoch: 3,
    version,
    needs: `nvidia-driver = 3:${version}, kmod-nvidia-open-dkms = 3:${version}`,
  },
  { name: "nvidia-driver", epoch: 3, version, needs: `nvidia-driver-cuda = 3:${version}` },
  { name: "nvidia-driver-cuda", epoch: 3, version, program: true },
  {
    name: "kmod-nvidia-open-dkms",
    epoch: 3,
    version,
    needs: "dkms",
    files: {
      // As NVIDIA's: make is quoted, so that DKMS does not put options of its own after it.
      [`/usr/src/nvidia-${version}/dkms.conf`]: [
        'PACKAGE_NAME="nvidia"',
        `PACKAGE_VERSION="${version}"`,
        'AUTOINSTALL="yes"',
        'BUILT_MODULE_NAME[0]="nvidia"',
        'DEST_MODULE_LOCATION[0]="/extra"',
        'STRIP[0]="no"',
        `MAKE[0]="'make' -j1 KERNEL_UNAME=\${kernelver} modules"`,
        'CLEAN="true"',
        "",
      ].join("\n"),
      [`/usr/src/nvidia-${version}/Makefile`]: `modules:\n\ttest "$$(gcc -dumpversion)" = 11\n\techo ${version} >nvidia.ko\n`,
    },
    // rpm gives its scriptlets a path without the stand-ins.
    post: `PATH=/usr/local/bin:$PATH\ndkms add -m nvidia -v ${version} -q || :\ndkms build -m nvidia -v ${version} -q || :\ndkms install -m nvidia -v ${version} -q --force || :`,
    preun: `PATH=/usr/local/bin:$PATH\ndkms remove -m nvidia -v ${version} -q --all || :`,
  },
];
const DRIVERS = ["580.126.09", "590.48.01"] as const;

/** NVIDIA's repository has a module stream per branch. */
const streamsOf = (versions: readonly string[]) =>
  versions
    .map(
      (version, index) => `---
document: modulemd
version: 2
data:
  name: nvidia-driver
  stream: ${version.slice(0, 3)}-open
  version: 2026110100000${index}
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
    )
    .join("");

describe.skipIf(DOCKER_MISSING)(
  "a driver by real dnf and rpm from a signed mirror with module streams, on a Debian host that calls itself Oracle Linux 8; packages of the real names are made for the test, DKMS is Debian's; kmod, uname, gcc and nvidia-smi are stand-ins (needs Docker)",
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
    const built = `find /lib/modules/${RUNNING} -name nvidia.ko -exec cat {} +`;
    const locked = "dnf -q versionlock list | sed 's/-[0-9]*:.*//' | sort | xargs";
    const installed = "rpm -qa --qf '%{NAME}\\n' | sort | xargs";
    const BEFORE = "bash gnupg2 oraclelinux-release";
    const INSTALLED =
      "bash dkms gcc-toolset-11-binutils gcc-toolset-11-gcc gnupg2 kernel-uek-devel kmod-nvidia-open-dkms nvidia-driver-cuda oracle-epel-release-el8 oraclelinux-release python3-dnf-plugin-versionlock";
    const LOCKED = "kmod-nvidia-open-dkms nvidia-driver-cuda";

    beforeAll(async () => {
      host = await BareHost.start((await prepareMaterial()).image);
      await rpmTools(host, "dkms");
      await standInKernel(host, RUNNING);
      await standInModules(host);
      await host.shell("cat >/usr/local/bin/gcc && chmod 0755 /usr/local/bin/gcc", compiler(8));
      fingerprint = await makeKey(host);
      await makeRpms(host, "/srv/host", HOST);
      await makeRpms(host, "/srv/epel", EPEL);
      await makeRpms(host, FOLDER, DRIVERS.flatMap(driver), true);
      await host.shell("cat >/run/made/modules.yaml", streamsOf(DRIVERS));
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
      expect((await host.shell(installed)).replace(/gpg-pubkey ?/, "")).toBe(INSTALLED);
      expect(await host.shell(locked)).toBe(LOCKED);
      const applied = await takeSnapshot(host);
      expect((await apply(fingerprint))[0]!.changed).toBe(0);
      expect(differences(applied, await takeSnapshot(host), "reapplied")).toEqual([]);
      expect(await checkHost(host)).toEqual([]);
    });

    test("DKMS has built the module with the compiler of Oracle's kernel, at the installation already", async () => {
      expect(await host.shell("gcc -dumpversion")).toBe("8");
      expect(await host.shell(built)).toBe("580.126.09");
      expect(await host.shell("journalctl -t tms-llm -o cat")).not.toContain("build the module");
    });

    test("a build that failed for want of the compiler is made up for by the next up", async () => {
      await host.shell(
        `rm /run/nvidia-loaded /etc/dkms/nvidia.conf; dkms remove -m nvidia -v 580.126.09 --all >/dev/null 2>&1; dkms add -m nvidia -v 580.126.09 >/dev/null`,
      );
      expect((await host.ask(`dkms build -m nvidia -v 580.126.09 -k ${RUNNING}`)).exitCode).not.toBe(0);
      expect((await checkHost(host)).map(({ what }) => what)).toEqual(["file /etc/dkms/nvidia.conf", "NVIDIA driver"]);
      await apply(fingerprint);
      expect(await host.shell("cat /run/nvidia-loaded; dkms status")).toMatch(
        /^580\.126\.09\nnvidia\/580\.126\.09.*installed/,
      );
      expect(await checkHost(host)).toEqual([]);
    });

    test("another stream, and a lock that somebody took off, are drift, and are mended", async () => {
      await host.shell(
        "dnf -q -y versionlock delete nvidia-driver-cuda; dnf -q -y module reset nvidia-driver; dnf -q -y module enable nvidia-driver:590-open",
      );
      expect((await checkHost(host)).map(({ what, found }) => `${what}: ${found}`)).toEqual([
        "module nvidia-driver: 590-open",
        "package nvidia-driver-cuda: not held",
      ]);
      await apply(fingerprint);
      expect(await checkHost(host)).toEqual([]);
      expect(await host.shell("rpm -q --qf '%{VERSION}' nvidia-driver-cuda")).toBe("580.126.09");
    });

    test("a host that was given the whole driver keeps it as it is, and an operator's own file for DKMS stays", async () => {
      await host.shell("touch /var/lib/tms-llm/purge");
      await removeAll(host);
      await host.shell("rm -f /run/nvidia-loaded");
      await anchor(host);
      const theirs = "/etc/dkms/nvidia-open.conf";
      await host.shell(`echo '# of the operator' >${theirs}`);
      await runPhase(host, "base", formerDriverStep(steps(fingerprint)));
      const told = `${installed}; ${locked}`;
      const before = await host.shell(told);
      expect(before).toContain("nvidia-driver nvidia-driver-cuda nvidia-open");
      expect((await apply(fingerprint))[0]!.changed).toBe(0);
      expect(await host.shell(told)).toBe(before);
      await host.shell("touch /var/lib/tms-llm/purge");
      await removeAll(host);
      expect(await host.shell(`cat ${theirs}; rm ${theirs}; rm -f /run/nvidia-loaded`)).toBe("# of the operator");
      await anchor(host);
      await apply(fingerprint);
    });

    test("a newer release of what is locked is a hint by the lists as they are, and no drift", async () => {
      await makeRpms(host, FOLDER, driver("580.200.01"), true);
      await host.shell(`cat >/run/made/modules.yaml`, streamsOf(["580.126.09", "580.200.01"]));
      await host.shell(`modifyrepo_c --mdtype=modules /run/made/modules.yaml ${FOLDER}/repodata >/dev/null`);
      expect(parseDriftLines(await host.shell(DRIFT_TEXT))!.hints).toEqual([]);
      await host.shell("dnf -q makecache --refresh");
      const { differences: drifted, hints } = parseDriftLines(await host.shell(DRIFT_TEXT))!;
      expect(drifted).toEqual([]);
      expect(hints).toMatchObject([
        {
          hint: "a newer release of the held driver",
          wayOut: `when the engine may stop, on the host as root: dnf versionlock delete ${LOCKED}; dnf upgrade ${LOCKED}; reboot; then run up, which holds them again`,
        },
      ]);
    });

    test("stays when the deployment goes", async () => {
      await removeAll(host);
      expect(await host.shell(`${locked}; cat /run/nvidia-loaded`)).toBe(`${LOCKED}\n580.126.09`);
    });

    test("goes without a trace when it is purged", async () => {
      await host.shell(`set -e; dnf -q -y versionlock clear; dnf -q -y remove nvidia-driver-cuda kmod-nvidia-open-dkms dkms gcc-toolset-11-gcc gcc-toolset-11-binutils kernel-uek-devel oracle-epel-release-el8 python3-dnf-plugin-versionlock
        dnf -q -y module reset nvidia-driver; rm /etc/dnf/modules.d/nvidia-driver.module; rpm -e --allmatches gpg-pubkey
        rm -f /run/nvidia-loaded /etc/dkms/nvidia.conf /etc/dkms/nvidia-open.conf /etc/modprobe.d/tms-llm-nouveau.conf /etc/yum.repos.d/tms-llm-nvidia-driver.repo /etc/pki/rpm-gpg/RPM-GPG-KEY-tms-llm-nvidia-driver`);
      await anchor(host);
      await apply(fingerprint);
      await host.shell("touch /var/lib/tms-llm/purge");
      await removeAll(host);
      await host.shell("rm -f /run/nvidia-loaded");
      expect(
        differences(bare, await takeSnapshot(host), "equivalent").filter(
          // kmod's own lists of the modules of a kernel, of which the host has nothing else; and the folders of the made
          // compiler, which belong to its package as little as those of any other made one.
          (line) => !/\/dev\/nvidia|\/var\/lib\/tms-llm|\/lib\/modules|path \/opt\/rh/.test(line),
        ),
      ).toEqual([]);
      expect(await host.shell("find /lib/modules -name nvidia.ko; find /etc/dkms -name 'nvidia*'")).toBe("");
    });
  },
);
