import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { execa } from "execa";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { Clone, PATIENT } from "../harness/clone";
import { prepareMaterial } from "../harness/deployment";
import { callItself, makeDebs, standInModules } from "../harness/driver";
import { addresses, openSsh } from "../harness/ssh-host";

const UBUNTU = 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\nPRETTY_NAME="Ubuntu 24.04.3 LTS"\n';
const OPERATOR = { PULUMI_CONFIG_PASSPHRASE: "of the operator's own" };

/**
 * The whole command against a host with a GPU and no driver. A container cannot be a machine with a GPU; what says so is a
 * stand-in: the PCI bus, the kind of virtualization, kmod, and nvidia-smi, which comes in the packages. The reboot is real:
 * systemd ends, and the container comes back with another one.
 */
describe.skipIf(DOCKER_MISSING)(
  "a host whose driver wants a reboot, with stand-ins for GPU, kmod, plugins and Ollama's release (needs Docker)",
  () => {
    const network = `tms-llm-test-${randomBytes(4).toString("hex")}`;
    let clone: Clone;
    let host: BareHost;
    let stack: Record<string, unknown>;

    const up = (gpu: Record<string, unknown>) => {
      clone.configure({ ...stack, gpu }, "gpu");
      return clone.run(["up", "gpu", "--yes"], { env: OPERATOR });
    };
    const started = () => host.shell("systemctl show --property UserspaceTimestampMonotonic --value");

    beforeAll(async () => {
      const { image } = await prepareMaterial();
      clone = await Clone.make();
      const device = clone.path(".tms-llm/test-pci/0000:01:00.0");
      mkdirSync(device, { recursive: true });
      for (const [name, value] of Object.entries({ vendor: "0x10de", class: "0x030200", device: "0x27b8" }))
        writeFileSync(`${device}/${name}`, `${value}\n`);
      // An address of its own, which it has again after the reboot.
      const third = randomBytes(1)[0]!;
      await execa("docker", ["network", "create", "--subnet", `10.213.${third}.0/24`, network]);
      host = await BareHost.start(image, [
        "--restart=always",
        `--network=${network}`,
        `--ip=10.213.${third}.10`,
        `--volume=${clone.path(".tms-llm/test-pci")}:/sys/bus/pci/devices:ro`,
      ]);
      await host.shell(`export DEBIAN_FRONTEND=noninteractive
        for attempt in 1 2; do apt-get -qq install --no-install-recommends apt-utils >/dev/null 2>&1 && break; apt-get -qq update; done
        printf '#!/bin/sh\\necho none\\n' >/usr/local/bin/systemd-detect-virt && chmod 0755 /usr/local/bin/systemd-detect-virt`);
      await standInModules(host);
      const kernel = await host.shell("uname -r");
      await makeDebs(host, "/srv/archive", [
        { name: `linux-headers-${kernel}`, version: "1" },
        { name: "nvidia-headless-580-server-open", version: "580.126.09-1", driver: true },
        { name: "nvidia-utils-580-server", version: "580.126.09-1" },
      ]);
      await host.shell(
        "echo 'deb [trusted=yes] file:/srv/archive /' >/etc/apt/sources.list.d/archive.list && apt-get -qq update",
      );
      await callItself(host, UBUNTU);
      const [model, access] = [await clone.passForOfficial(), await openSsh(host, clone)];
      const { machine } = await addresses(host);
      stack = {
        ...PATIENT,
        target: { kind: "ssh", ...access },
        engine: { kind: "ollama", device: "any" },
        models: [model],
        access: { allow: [machine] },
      };
      // nouveau has the GPU, until the host boots anew.
      await host.shell("touch /run/nouveau");
    });
    afterAll(async () => {
      await Promise.all([clone.remove(), host.remove()]);
      await execa("docker", ["network", "rm", network]);
    });
    beforeEach(({ onTestFailed }) => {
      onTestFailed(async () => console.error(clone.console.slice(-8000), await host.journal()));
    });

    it("is not rebooted without consent: up installs the driver, says what is missing, and ends", async () => {
      const boot = await started();
      const { exitCode, output } = await up({ driver: "install" });
      expect(exitCode).toBe(1);
      expect(output).toContain("What the GPU gets depends on the system: measuring");
      expect(output).toContain("nvidia-driver: the driver is installed, and a reboot has to load it");
      expect(await started()).toBe(boot);
    });

    it("is rebooted with consent, once, and the same up goes on to the end", async () => {
      const boot = await started();
      const { exitCode, output } = await up({ driver: "install", reboot: true });
      expect(exitCode, output).toBe(0);
      expect(output).toMatch(
        /Rebooting the host, which loads the driver \(gpu\.reboot\)\.\nThe host is back after \d+ s\. Going on\.\n/,
      );
      expect(output).toContain("Smoke test: pass");
      expect(await started()).not.toBe(boot);
      expect(await host.shell("cat /run/nvidia-loaded")).toBe("580.126.09");
    });

    it("is as deployed after a destroy with --purge that is answered with no", async () => {
      const destroy = clone.startInTerminal(["destroy", "gpu", "--purge"], { env: OPERATOR });
      await destroy.says("and its models and NVIDIA driver where they are ours? [y/N]");
      destroy.type("n\r");
      const { exitCode, output } = await destroy.done;
      expect(output).toMatch(/Nothing was changed on \S+: the question was not answered with yes\.\r\n/);
      expect(exitCode).toBe(1);
      expect(await host.ask("test -e /var/lib/tms-llm/purge")).toMatchObject({ exitCode: 1 });
      expect((await clone.run(["drift", "gpu"], { env: OPERATOR })).exitCode).toBe(0);
    });

    it("keeps its driver and its models when the deployment is destroyed, even after a purge that was broken off", async () => {
      await host.shell("touch /var/lib/tms-llm/purge");
      const destroy = clone.startInTerminal(["destroy", "gpu"], { env: OPERATOR });
      await destroy.says("; models stay? [y/N]");
      destroy.type("y\r");
      const { exitCode, output } = await destroy.done;
      expect(exitCode, output).toBe(0);
      expect(await host.shell("nvidia-smi -L; apt-mark showhold")).toContain("nvidia-utils-580-server");
      expect(await host.shell("ls /opt/llm/models")).not.toBe("");
    });
  },
);
