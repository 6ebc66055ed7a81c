import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseFacts } from "../../plan/facts";
import { preflightScript } from "../../plan/render/preflight-script";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { anchor, checkHost, prepareMaterial, removeAll, runPhase } from "../harness/deployment";
import { callItself, driverStep, makeDebs, standInKernel, standInModules } from "../harness/driver";
import { differences, takeSnapshot, type Snapshot } from "../harness/snapshot";

const UBUNTU = 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\nPRETTY_NAME="Ubuntu 24.04.3 LTS"\n';
const UNIT = `[Unit]
Description=made for a test
[Service]
ExecStart=/bin/sh -c 'echo In Progress >/run/fabric-state; sleep 1; echo Completed >/run/fabric-state; exec sleep infinity'
[Install]
WantedBy=multi-user.target
`;
const NAME = "nvidia-fabricmanager-580";
const manager = (version: string) => ({
  name: NAME,
  version: `${version}-0ubuntu1`,
  files: {
    "/lib/systemd/system/nvidia-fabricmanager.service": UNIT,
    "/usr/bin/nv-fabricmanager": `#!/bin/sh\necho "Fabric Manager version is : ${version}"\n`,
  },
});

describe.skipIf(DOCKER_MISSING)(
  "Fabric Manager for GPUs behind NVSwitches, by real apt and systemd; packages of the real names are made for the test, the PCI bus, kmod, uname, nvidia-smi and the manager itself are stand-ins (needs Docker)",
  () => {
    let host: BareHost;
    let bus: string;
    let before: Snapshot;
    const device = (address: string, values: Record<string, string>) => {
      mkdirSync(join(bus, address), { recursive: true });
      for (const [name, value] of Object.entries(values)) writeFileSync(join(bus, address, name), `${value}\n`);
    };
    const apply = () => runPhase(host, "base", driverStep("ubuntu-24.04"));
    const drift = async () => (await checkHost(host)).map(({ what, found }) => `${what}: ${found}`);
    const installed = () => host.shell(`dpkg-query -W -f '\${Version} \${db:Status-Want}' ${NAME}`);

    beforeAll(async () => {
      bus = mkdtempSync(join(tmpdir(), "tms-llm-bus-"));
      device("0000:01:00.0", { vendor: "0x10de", class: "0x030200", device: "0x2335" });
      host = await BareHost.start((await prepareMaterial()).image, [`--volume=${bus}:/sys/bus/pci/devices:ro`]);
      await host.shell(`export DEBIAN_FRONTEND=noninteractive
        for attempt in 1 2; do apt-get -qq install --no-install-recommends apt-utils >/dev/null 2>&1 && break; apt-get -qq update; done`);
      await standInModules(host);
      await standInKernel(host, "6.8.0-87-generic");
      await makeDebs(host, "/srv/archive", [
        { name: "linux-headers-6.8.0-87-generic", version: "1" },
        { name: "nvidia-headless-580-server-open", version: "580.126.09-0ubuntu1", driver: true },
        { name: "nvidia-utils-580-server", version: "580.126.09-0ubuntu1" },
        ...["580.105.08", "580.126.09", "580.200.01"].map(manager),
      ]);
      await host.shell(
        "echo 'deb [trusted=yes] file:/srv/archive /' >/etc/apt/sources.list.d/archive.list && apt-get -qq update",
      );
      await callItself(host, UBUNTU);
      await anchor(host);
      before = await takeSnapshot(host);
    });
    afterAll(async () => {
      await host.remove();
      rmSync(bus, { recursive: true, force: true });
    });

    test("is not installed where there is no NVSwitch", async () => {
      // Of the same class, and of a chipset of 2006.
      device("0000:00:08.0", { vendor: "0x10de", class: "0x068000", device: "0x0373" });
      await apply();
      expect((await host.ask(`dpkg-query -W ${NAME}`)).exitCode).not.toBe(0);
      expect(await drift()).toEqual([]);
    });

    test("is installed in the driver's very version where there is one, held, and has set up the fabric when the phase ends", async () => {
      device("0000:05:00.0", { vendor: "0x10de", class: "0x068000", device: "0x22a3" });
      await host.shell("echo 'Not Started' >/run/fabric-state");
      expect(await drift()).toEqual([
        `package ${NAME}: not installed`,
        `package ${NAME}: not held`,
        "unit nvidia-fabricmanager.service: absent",
        "unit nvidia-fabricmanager.service: inactive",
      ]);
      await apply();
      expect(await installed()).toBe("580.126.09-0ubuntu1 hold");
      expect(await host.shell("systemctl is-enabled nvidia-fabricmanager; nvidia-smi --query-gpu=fabric.state")).toBe(
        "enabled\nCompleted",
      );
      expect((await apply()).map(({ changed }) => changed)).toEqual([0, 0]);
      expect(await drift()).toEqual([]);
    });

    test("preflight sees switches, states and the manager", async () => {
      const { fabric } = parseFacts(await host.shell("bash -s", preflightScript()));
      expect(fabric).toEqual({
        switches: 1,
        states: ["Completed"],
        managerVersion: "580.126.09",
        managerActive: true,
      });
    });

    test("a GPU whose fabric is not ready does not count as one that answers", async () => {
      await host.shell("echo 'In Progress' >/run/fabric-state");
      expect(await host.shell("bash -c 'source /var/lib/tms-llm/phases/base/lib/gpu.sh; gpu_fault'")).toBe(
        "the NVSwitch fabric is not ready (fabric.state: In Progress), so CUDA would say 802, system not yet initialized: see systemctl status nvidia-fabricmanager",
      );
      // A driver that does not know the question.
      await host.shell("mv /usr/bin/nvidia-smi /usr/bin/nvidia-smi.made");
      await host.shell(
        "cat >/usr/bin/nvidia-smi; chmod 0755 /usr/bin/nvidia-smi",
        `#!/bin/sh\ncase "$*" in *fabric*) echo 'Field "fabric.state" is not a valid field to query.'; exit 2 ;; esac\nexec /usr/bin/nvidia-smi.made "$@"\n`,
      );
      expect(await host.shell("bash -c 'source /var/lib/tms-llm/phases/base/lib/gpu.sh; gpu_fault'")).toBe("");
      await host.shell("mv /usr/bin/nvidia-smi.made /usr/bin/nvidia-smi; echo Completed >/run/fabric-state");
    });

    test("another version than the driver's, and a manager that does not run, are drift, and are mended", async () => {
      await host.shell(
        `DEBIAN_FRONTEND=noninteractive apt-get -qq -y --allow-change-held-packages install ${NAME}=580.200.01-0ubuntu1 >/dev/null 2>&1; systemctl stop nvidia-fabricmanager`,
      );
      expect(await drift()).toEqual([
        `package ${NAME}: 580.200.01-0ubuntu1`,
        `package ${NAME}: not held`,
        "unit nvidia-fabricmanager.service: inactive",
      ]);
      await apply();
      expect(await installed()).toBe("580.126.09-0ubuntu1 hold");
      expect(await drift()).toEqual([]);
    });

    test("stays with the driver when the deployment goes, and goes with it when it is purged", async () => {
      await removeAll(host);
      expect(await installed()).toBe("580.126.09-0ubuntu1 hold");
      expect(await host.shell("systemctl is-active nvidia-fabricmanager")).toBe("active");
      await host.shell(`apt-mark unhold '${NAME}' 'nvidia-*' >/dev/null; systemctl disable --now --quiet nvidia-fabricmanager
        apt-get -qq -y purge 'nvidia-*' 'linux-headers-*' >/dev/null 2>&1
        rm -f /run/nvidia-loaded /etc/modprobe.d/tms-llm-nouveau.conf`);
      await anchor(host);
      await apply();
      await host.shell("touch /var/lib/tms-llm/purge");
      await removeAll(host);
      await host.shell("rm -f /run/nvidia-loaded /run/fabric-state");
      expect(
        differences(before, await takeSnapshot(host), "equivalent").filter(
          (line) => !/\/dev\/nvidia|\/var\/lib\/tms-llm/.test(line),
        ),
      ).toEqual([]);
    });

    test("a driver for which no manager is to be had is told with the version that is wanted", async () => {
      await makeDebs(host, "/srv/archive", [
        { name: "nvidia-headless-580-server-open", version: "580.210.02-0ubuntu1", driver: true },
      ]);
      await host.shell("apt-get -qq update");
      await anchor(host);
      await expect(apply()).rejects.toThrow(
        /fabric-manager: no Fabric Manager of the driver's version is to be had\n {2}why: driver 580\.210\.02; no repository of the host has nvidia-fabricmanager-580 of that version/,
      );
    });
  },
);
