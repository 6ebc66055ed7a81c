import { randomBytes } from "node:crypto";
import { execa } from "execa";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { Clone, PATIENT } from "../harness/clone";
import { prepareMaterial } from "../harness/deployment";
import { installPackages } from "../harness/packages";
import { openSsh } from "../harness/ssh-host";

const PATIENTLY = { timeout: 300_000, interval: 500 };
const OPERATOR = { PULUMI_CONFIG_PASSPHRASE: "of the operator's own" };

/**
 * The whole command against a host whose only interface, by which it is reached, gets another address. netplan, networkd and
 * sshd are real. Left out are udev's triggers: a container may not write to /sys.
 */
describe.skipIf(DOCKER_MISSING)(
  "a host that gets a fixed address, with stand-ins for plugins and Ollama's release (needs Docker)",
  () => {
    const network = `tms-llm-test-${randomBytes(4).toString("hex")}`;
    const subnet = `10.214.${randomBytes(1)[0]!}`;
    const [former, fixed] = [`${subnet}.10`, `${subnet}.11`];
    let clone: Clone;
    let host: BareHost;
    let target: Record<string, unknown>;

    const configure = (address?: string, changes: Record<string, unknown> = {}) =>
      clone.configure(
        {
          target: { ...target, ...changes },
          network:
            address === undefined ? {} : { address: { interface: "eth0", addresses: [address], nameservers: [] } },
        },
        "fixed",
      );
    const run = (verb: string, ...options: string[]) => clone.run([verb, "fixed", ...options], { env: OPERATOR });
    const addresses = () =>
      host.shell("ip -o address show dev eth0 scope global | awk '{ print $4 }'; ls -A /etc/netplan /run/netplan");

    beforeAll(async () => {
      const { image } = await prepareMaterial();
      clone = await Clone.make();
      await execa("docker", ["network", "create", "--subnet", `${subnet}.0/24`, network]);
      host = await BareHost.start(image, [`--network=${network}`, `--ip=${former}`]);
      await installPackages(host, "netplan.io udev");
      await host.shell(
        `set -e
        printf '#!/bin/sh\\n[ "$1" = trigger ] || exec /usr/bin/udevadm "$@"\\n' >/usr/local/bin/udevadm; chmod 0755 /usr/local/bin/udevadm
        mkdir -p /etc/netplan /run/netplan
        cat >/etc/netplan/50-installer.yaml; chmod 0600 /etc/netplan/*
        systemctl enable --now --quiet systemd-networkd; netplan apply >/run/start.log 2>&1
        until networkctl --no-legend list eth0 | grep -q configured; do sleep 0.1; done`,
        `
network:
  version: 2
  ethernets:
    eth0: { addresses: [${former}/24], routes: [{ to: default, via: ${subnet}.1 }] }
`,
      );
      const [model, access] = [await clone.passForOfficial(), await openSsh(host, clone)];
      target = { kind: "ssh", ...access };
      clone.configure(
        {
          ...PATIENT,
          engine: { kind: "ollama", device: "any" },
          models: [model],
          access: { allow: [`${subnet}.1`] },
        },
        "fixed",
      );
    });
    afterAll(async () => {
      await Promise.all([clone.remove(), host.remove()]);
      await execa("docker", ["network", "rm", network]);
    });
    beforeEach(({ onTestFailed }) => {
      onTestFailed(async () => console.error(clone.console.slice(-8000), await host.journal()));
    });

    it("goes back by itself from an address at which this machine does not reach it, and up says so", async () => {
      const before = await addresses();
      configure("10.215.0.7/24");
      const up = run("up", "--yes");
      await expect.poll(async () => (await host.ask("test -e /run/tms-llm-address/state")).exitCode, PATIENTLY).toBe(0);
      // What the timer does after two minutes.
      await host.shell("systemctl start tms-llm-address-revert.service");
      const { exitCode, output } = await up;
      expect(exitCode, output).toBe(1);
      expect(output).toMatch(
        new RegExp(
          `eth0 gets the fixed address 10\\.215\\.0\\.7: this did not succeed\\.\\n  tried 10\\.215\\.0\\.7: root@10\\.215\\.0\\.7:22 cannot be reached: [^\\n]*\\n  the host: nobody confirmed it in time\\nThe host has gone back by itself, and answers at root@${former}:22\\.\\n  way out: correct network\\.address in Pulumi\\.fixed\\.yaml or the network`,
        ),
      );
      expect(await addresses()).toBe(before);
    });

    it("keeps one at which this machine reaches it, and up says where it is now", async () => {
      configure(`${fixed}/24`);
      const { exitCode, output } = await run("up", "--yes");
      expect(exitCode, output).toBe(0);
      expect(output).toContain(
        `eth0 has the fixed address ${fixed}; confirmed over ${fixed}. The host and its endpoint are there now, and no longer at ${former}.`,
      );
      expect(await addresses()).toBe(`${fixed}/24\n/etc/netplan:\n50-installer.yaml\n90-tms-llm.yaml\n\n/run/netplan:`);
    });

    it("is found there when the stack file still names the former one, with advice", async () => {
      const { exitCode, output } = await run("up", "--yes");
      expect(exitCode).toBe(1);
      expect(output).toContain(
        `${former} does not answer, but the host does at its fixed address ${fixed}.\n  way out: in Pulumi.fixed.yaml, set target.host to ${fixed}`,
      );
    });

    it("is proven there by the next up, and is as deployed", async () => {
      configure(`${fixed}/24`, { host: fixed });
      const { exitCode, output } = await run("up", "--yes");
      expect(exitCode, output).toBe(0);
      expect(output).toContain("Smoke test: pass");
      expect(output).not.toContain("goes back by itself");
      expect((await run("drift")).exitCode).toBe(0);
    });

    it("has its former address back when the deployment is destroyed", async () => {
      const { exitCode, output } = await run("destroy", "--yes");
      expect(exitCode, output).toBe(0);
      expect(output).toContain(`eth0 has its former address back; confirmed over ${former}.`);
      expect(await addresses()).toBe(`${former}/24\n/etc/netplan:\n50-installer.yaml\n\n/run/netplan:`);
      expect(await host.shell("cat /etc/netplan/50-installer.yaml")).toContain(
        `routes: [{ to: default, via: ${subnet}.1 }]`,
      );
      expect((await host.ask("test -e /var/lib/tms-llm")).exitCode).not.toBe(0);
    });
  },
);
