import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { FixedAddress } from "../../plan/config/fixed-address";
import type { Difference } from "../../plan/drift";
import { DOCKER_MISSING, type BareHost } from "../harness/bare-host";
import { checkHost, removeAll, runPhase, submitPhase } from "../harness/deployment";
import { AddressedHost, FIXED, fixedAddressSteps, LEASE } from "../harness/fixed-address";
import { chosenSeed, seededRandom } from "../harness/kill";
import { answersAt, leaseOf, MANAGERS, type Manager } from "../harness/networked-host";
import { installPackages } from "../harness/packages";
import { differences, elsewhere, takeSnapshot } from "../harness/snapshot";
import { ONE_ATTEMPT } from "../harness/one-attempt";

const told = ({ what, expected, found }: Difference) => `${what}: ${expected}, ${found}`;
const settled = { state: "settled", goal: "fixed" };

describe.skipIf(DOCKER_MISSING)("a fixed address, with udev's triggers left out (needs Docker)", () => {
  let hosts: Readonly<Record<Manager, AddressedHost>>;

  beforeAll(async () => {
    const [netplan, NetworkManager] = await Promise.all([
      AddressedHost.start("netplan"),
      AddressedHost.start("NetworkManager"),
    ]);
    hosts = { netplan, NetworkManager };
  });
  afterAll(() => Promise.all(Object.values(hosts).map(({ host }) => host.remove())));

  describe.each(Object.keys(MANAGERS) as Manager[])("by %s", (manager) => {
    let subject: AddressedHost;
    let host: BareHost;
    const { file, ours, tried, spoil } = MANAGERS[manager];

    beforeAll(() => {
      subject = hosts[manager];
      host = subject.host;
    });
    beforeEach(({ onTestFailed }) => {
      onTestFailed(async () => console.error(await host.journal(), await host.shell("ip address; ip route")));
    });

    const exists = async (path: string) => (await host.ask(`test -e ${path}`)).exitCode === 0;

    test("is laid out by the phase, once; the host stays where it is", async () => {
      await subject.isBare();
      expect((await subject.layOut())[0]!.changed).toBeGreaterThan(0);
      const laidOut = await takeSnapshot(host);
      expect((await subject.layOut())[0]!.changed).toBe(0);
      expect(differences(laidOut, await takeSnapshot(host), "reapplied")).toEqual([]);
      expect(await subject.addresses()).toEqual(LEASE);
      expect(await exists(ours)).toBe(false);
      expect((await checkHost(host)).map(told)).toEqual([
        `file ${ours}: as planned, absent`,
        "address of cable: 10.1.2.100/24 fd00:5::100/64, 10.1.2.57",
      ]);
    });

    test("that nobody confirms goes by itself, and leaves no trace", async () => {
      await subject.isLaidOut();
      const before = await takeSnapshot(host);
      await subject.begin(10);
      await subject.tries(FIXED, 9_000);
      expect(await exists(tried)).toBe(true);
      expect(await exists(ours)).toBe(false);
      await subject.goesBack();
      await leaseOf(host);
      expect(await subject.addresses()).toEqual(LEASE);
      expect(await answersAt(host, "10.1.2.57")).toBe(true);
      expect(await exists(tried)).toBe(false);
      expect(await subject.state()).toMatchObject({ state: "wanted", last: "nobody confirmed it in time" });
      expect(elsewhere(differences(before, await takeSnapshot(host), "equivalent"))).toEqual([]);
    });

    test("goes, whichever part of the trial is killed", async () => {
      const random = seededRandom(chosenSeed());
      console.log(`TMS_LLM_SEED=${chosenSeed()}`);
      await subject.isLaidOut();
      const before = await takeSnapshot(host);
      for (const part of ["tms-llm-address", "tms-llm-address-revert"]) {
        await subject.begin();
        const moment = (random() * 1.5).toFixed(2);
        await host.shell(`[ ${part} = tms-llm-address ] || systemctl start --no-block ${part}.service
          until systemctl is-active --quiet ${part}.service; do sleep 0.02; done; sleep ${moment}
          systemctl kill --kill-who=all --signal=KILL ${part}.service || true`);
        if (part === "tms-llm-address") await subject.runOut();
        await expect.poll(() => exists("/run/tms-llm-address"), { timeout: 90_000 }).toBe(false);
        await leaseOf(host);
        expect(await subject.addresses(), `${part} after ${moment} s`).toEqual(LEASE);
        expect(await exists(tried), `${part} after ${moment} s`).toBe(false);
      }
      expect(elsewhere(differences(before, await takeSnapshot(host), "equivalent"))).toEqual([]);
    });

    test("goes with a reboot before it was confirmed", async () => {
      await subject.isLaidOut();
      await subject.begin();
      await subject.tries(FIXED);
      await host.reboot();
      await leaseOf(host);
      expect(await subject.addresses()).toEqual(LEASE);
      expect(await subject.state()).toMatchObject({ state: "wanted" });
    });

    test("is not kept by the word of an earlier trial, nor while another one goes on", async () => {
      await subject.isLaidOut();
      const earlier = await subject.begin();
      await subject.runOut();
      const token = await subject.begin();
      expect(await subject.ask("confirm", earlier)).toEqual({ confirmed: "gone" });
      await expect(subject.begin()).rejects.toThrow(/an address is being tried on this host at this moment/);
      await subject.confirm(token);
      expect(await subject.addresses()).toEqual(FIXED);
    });

    test("is kept when it is confirmed, and stays after a reboot", async () => {
      const former = await host.shell(`cat ${file}`);
      await subject.isFixed();
      expect(await subject.addresses()).toEqual(FIXED);
      expect(await answersAt(host, "10.1.2.100")).toBe(true);
      expect(await answersAt(host, "fd00:5::100")).toBe(true);
      expect(await answersAt(host, "10.1.2.57")).toBe(false);
      expect(await host.shell("ip route show default dev cable; ip -6 route show default dev cable")).toMatch(
        /via 10\.1\.2\.1 [^]*via fd00:5::1 /,
      );
      expect(await host.shell(`stat -c '%U:%G %a' ${ours}`)).toBe("root:root 600");
      expect(await host.shell(`cat ${file}`)).toBe(former);
      expect(await exists(tried)).toBe(false);
      expect(await host.shell("systemctl list-units --all --no-legend 'tms-llm-address*'")).toBe("");
      expect(await subject.state()).toMatchObject(settled);
      expect(await checkHost(host)).toEqual([]);
      await host.reboot();
      await subject.tries(FIXED);
      // Of the former configuration; until a boot a link keeps it anyway.
      expect(await host.shell("cat /sys/class/net/cable/mtu")).toBe("1400");
      expect(await checkHost(host)).toEqual([]);
    });

    test("a second run changes nothing", ONE_ATTEMPT, async () => {
      await subject.isFixed();
      const before = await takeSnapshot(host);
      expect((await subject.layOut())[0]!.changed).toBe(0);
      expect(await subject.state()).toMatchObject(settled);
      expect(differences(before, await takeSnapshot(host), "reapplied")).toEqual([]);
    });

    test.each([
      ["its file is another one", spoil, `file ${ours}: as planned, another one`],
      ["anybody may read it", `chmod 0644 ${ours}`, `file ${ours}: root:root 600, root:root 644`],
      [
        "the interface has lost it",
        "ip address del 10.1.2.100/24 dev cable",
        "address of cable: 10.1.2.100/24, fd00:5::100",
      ],
    ])("drift: %s; found, and mended by the next trial", async (_, command, found) => {
      await subject.isFixed();
      await host.shell(command);
      expect((await checkHost(host)).map(told)).toEqual([found]);
      expect(await subject.state()).toMatchObject({ state: "wanted" });
      await subject.keep();
      expect(await checkHost(host)).toEqual([]);
    });

    test("is changed to another one as safely", async () => {
      await subject.isFixed();
      await subject.layOut({ addresses: ["10.1.2.101/24"], gateway6: undefined });
      await subject.begin();
      await expect.poll(subject.addresses, { timeout: 60_000 }).toContain("10.1.2.101/24");
      await subject.runOut();
      await subject.tries(FIXED);
      await subject.keep();
      expect(await subject.addresses()).toEqual(["10.1.2.101/24"]);
      expect(await checkHost(host)).toEqual([]);
    });

    test("is given back when it leaves the stack file, kept or not, without a trace", async () => {
      await subject.isBare();
      const bare = await takeSnapshot(host);
      await subject.isFixed();
      await runPhase(host, "base", []);
      expect(await subject.addresses()).toEqual(FIXED);
      expect(await subject.state()).toMatchObject({ state: "wanted", goal: "former", reach: ["10.1.2.57"] });
      await subject.begin();
      await subject.tries(LEASE);
      await subject.runOut();
      await subject.tries(FIXED);
      await subject.keep();
      expect(await subject.addresses()).toEqual(LEASE);
      expect(await subject.state()).toEqual({});
      expect(elsewhere(differences(bare, await takeSnapshot(host), "equivalent"))).toEqual([]);
    });

    test("outlives the removal of everything else until it is given back", async () => {
      await subject.isFixed();
      await removeAll(host);
      expect(await host.shell("ls /var/lib/tms-llm")).toBe("address");
      expect(await subject.addresses()).toEqual(FIXED);
      await subject.keep();
      expect(await subject.addresses()).toEqual(LEASE);
      expect(await exists("/var/lib/tms-llm")).toBe(false);
    });

    test.each<[title: string, changes: Partial<FixedAddress>, message: RegExp]>([
      [
        "an interface that is not there",
        { interface: "ens3" },
        /there is no interface ens3\n {2}why: the host has (cable|eth0)[^]*way out: correct network\.address\.interface/,
      ],
      [
        "an interface that somebody else configures",
        { interface: "eth0" },
        /eth0 cannot get a fixed address\n {2}why: neither netplan nor NetworkManager configures it at present/,
      ],
    ])("refuses %s", async (_, changes, message) => {
      await subject.isBare();
      const { exitCode, stderr } = await submitPhase(host, "base", fixedAddressSteps(changes));
      expect(exitCode).not.toBe(0);
      expect(stderr).toMatch(message);
    });
  });

  describe("by NetworkManager alone", () => {
    let subject: AddressedHost;
    let host: BareHost;
    const { file, text, ours } = MANAGERS.NetworkManager;

    beforeAll(() => {
      subject = hosts.NetworkManager;
      host = subject.host;
    });
    beforeEach(async ({ onTestFailed }) => {
      onTestFailed(async () => console.error(await host.journal(), await host.shell("nmcli connection; ip address")));
      await host.shell(`cat >${file}; chmod 0600 ${file}; nmcli connection reload`, text);
      await subject.isBare();
    });

    test("refuses a profile that a reboot would end, before anything changes; the advice mends that", async () => {
      await host.shell("nmcli connection delete cable; systemctl restart NetworkManager");
      await leaseOf(host);
      const { exitCode, stderr } = await submitPhase(host, "base", fixedAddressSteps());
      expect(exitCode).not.toBe(0);
      expect(stderr).toMatch(
        /cable cannot get a fixed address\n {2}why: its profile "Wired connection 1" lies in \/run, so a reboot would end it/,
      );
      expect((await host.ask("test -e /var/lib/tms-llm/address")).exitCode).not.toBe(0);
      await host.shell(/nmcli connection modify uuid \S+ connection\.autoconnect yes/.exec(stderr)![0]);
      await subject.isFixed();
      expect(await subject.addresses()).toEqual(FIXED);
      await subject.isBare();
      await host.shell("nmcli connection delete 'Wired connection 1'");
    });

    test("knows the former profile even when somebody has removed ours", async () => {
      await subject.isFixed();
      await host.shell(`rm ${ours}`);
      expect((await checkHost(host)).map(told)).toEqual([`file ${ours}: as planned, absent`]);
      await subject.keep();
      expect(await checkHost(host)).toEqual([]);
      await subject.isBare();
      expect(await subject.addresses()).toEqual(LEASE);
    });

    test("leaves a fixed address as it is when the former profile is gone, and says what to do", async () => {
      await subject.isFixed();
      await host.shell("nmcli connection delete cable");
      await runPhase(host, "base", []);
      await expect(subject.begin()).rejects.toThrow(
        /cable cannot be given its former address back: NetworkManager has no profile 0d9e1c1e-\S+ put the UUID of a profile for it into \/var\/lib\/tms-llm\/address\/before\/profile/,
      );
      expect(await subject.addresses()).toEqual(FIXED);
    });

    test("is netplan's where netplan has NetworkManager do its work", async () => {
      await installPackages(host, "netplan.io");
      await host.shell(
        `rm ${file}; cat >/etc/netplan/50-desktop.yaml; chmod 0600 /etc/netplan/50-desktop.yaml; netplan apply`,
        "network: { version: 2, renderer: NetworkManager, ethernets: { cable: { dhcp4: true } } }",
      );
      await leaseOf(host);
      await subject.isFixed();
      expect(await subject.addresses()).toEqual(FIXED);
      expect(await host.shell("ls /etc/netplan /etc/NetworkManager/system-connections")).toBe(
        "/etc/NetworkManager/system-connections:\n\n/etc/netplan:\n50-desktop.yaml\n90-tms-llm.yaml",
      );
      await subject.isBare();
      expect(await subject.addresses()).toEqual(LEASE);
    });
  });
});
