import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { addressStep } from "../../plan/address";
import type { FixedAddress } from "../../plan/config/fixed-address";
import type { Difference } from "../../plan/drift";
import { addressText } from "../../plan/render/loader";
import { DOCKER_MISSING, type BareHost } from "../harness/bare-host";
import { anchor, checkHost, prepareMaterial, removeAll, runPhase, submitPhase } from "../harness/deployment";
import { chosenSeed, seededRandom } from "../harness/kill";
import {
  answersAt,
  cableAddresses,
  leaseOf,
  MANAGERS,
  startNetworkedHost,
  type Manager,
} from "../harness/networked-host";
import { differences, elsewhere, takeSnapshot } from "../harness/snapshot";

const LEASE = ["10.1.2.57/24"];
const FIXED = ["10.1.2.100/24", "fd00:5::100/64"];
const steps = (changes: Partial<FixedAddress> = {}) =>
  [
    addressStep({
      noProxy: [],
      hosts: {},
      address: {
        interface: "cable",
        addresses: FIXED,
        gateway4: "10.1.2.1",
        gateway6: "fd00:5::1",
        nameservers: ["10.1.2.1"],
        ...changes,
      },
    }),
  ].filter((step) => step !== undefined);

const told = ({ what, expected, found }: Difference) => `${what}: ${expected}, ${found}`;

/** What the whole file asks of one host with one manager of its network. */
class Subject {
  private constructor(
    readonly host: BareHost,
    readonly manager: Manager,
  ) {}

  static async start(manager: Manager): Promise<Subject> {
    const { image } = await prepareMaterial();
    return new Subject(await startNetworkedHost(image, manager), manager);
  }

  layOut = (changes: Partial<FixedAddress> = {}) => runPhase(this.host, "base", steps(changes));

  async ask(...words: string[]): Promise<Record<string, unknown>> {
    return JSON.parse(await this.host.shell(addressText(...words))) as Record<string, unknown>;
  }

  state = () => this.ask("state");

  /** Begins a trial. @returns what confirms it */
  async begin(seconds: number): Promise<string> {
    return (await this.ask("begin", String(seconds)))["token"] as string;
  }

  /** Waits until the host can be told to keep the address, and tells it. */
  async confirm(token: string): Promise<void> {
    await expect
      .poll(() => this.ask("confirm", token), { timeout: 60_000, interval: 200 })
      .toEqual({ confirmed: "yes" });
  }

  keep = async () => this.confirm(await this.begin(60));

  /** Waits until a trial is over that nobody confirms. */
  async goesBack(): Promise<void> {
    await expect.poll(async () => (await this.state())["state"], { timeout: 90_000, interval: 200 }).toBe("wanted");
  }

  /** From whatever a test has left to a host without anything of ours. */
  async reset(): Promise<void> {
    await this.host.shell("systemctl start tms-llm-address-revert.service 2>/dev/null || true");
    await anchor(this.host);
    await runPhase(this.host, "base", []);
    if ("state" in (await this.state())) await this.keep();
    await leaseOf(this.host);
  }
}

describe.skipIf(DOCKER_MISSING).each(Object.keys(MANAGERS) as Manager[])(
  "a fixed address by %s, with udev's triggers left out (needs Docker)",
  (manager) => {
    let subject: Subject;
    let host: BareHost;
    const { ours, tried } = MANAGERS[manager];

    beforeAll(async () => {
      subject = await Subject.start(manager);
      host = subject.host;
      await anchor(host);
    });
    afterAll(() => host.remove());
    beforeEach(async ({ onTestFailed }) => {
      onTestFailed(async () => console.error(await host.journal(), await host.shell("ip address; ip route")));
      await subject.reset();
    });

    const exists = async (path: string) => (await host.ask(`test -e ${path}`)).exitCode === 0;
    const settled = { state: "settled", goal: "fixed" };

    test("is laid out by the phase, once; the host stays where it is", async () => {
      expect((await subject.layOut())[0]!.changed).toBeGreaterThan(0);
      const laidOut = await takeSnapshot(host);
      expect((await subject.layOut())[0]!.changed).toBe(0);
      expect(differences(laidOut, await takeSnapshot(host), "reapplied")).toEqual([]);
      expect(await cableAddresses(host)).toEqual(LEASE);
      expect(await exists(ours)).toBe(false);
      expect((await checkHost(host)).map(told)).toEqual([
        `file ${ours}: as planned, absent`,
        "address of cable: 10.1.2.100/24 fd00:5::100/64, 10.1.2.57",
      ]);
    });

    test("is kept when it is confirmed, and stays after a reboot", async () => {
      await subject.layOut();
      await subject.keep();
      expect(await cableAddresses(host)).toEqual(FIXED);
      expect(await answersAt(host, "10.1.2.100")).toBe(true);
      expect(await answersAt(host, "fd00:5::100")).toBe(true);
      expect(await answersAt(host, "10.1.2.57")).toBe(false);
      expect(await host.shell("ip route show default dev cable; ip -6 route show default dev cable")).toMatch(
        /via 10\.1\.2\.1 [^]*via fd00:5::1 /,
      );
      expect(await host.shell(`stat -c '%U:%G %a' ${ours}`)).toBe("root:root 600");
      expect(await exists(tried)).toBe(false);
      expect(await host.shell("systemctl list-units --all --no-legend 'tms-llm-address*'")).toBe("");
      expect(await subject.state()).toMatchObject(settled);
      expect(await checkHost(host)).toEqual([]);
      await host.reboot();
      await expect.poll(() => cableAddresses(host), { timeout: 30_000 }).toEqual(FIXED);
      expect(await checkHost(host)).toEqual([]);
    });

    test("a second run changes nothing", async () => {
      await subject.layOut();
      await subject.keep();
      const before = await takeSnapshot(host);
      expect((await subject.layOut())[0]!.changed).toBe(0);
      expect(await subject.state()).toMatchObject(settled);
      expect(differences(before, await takeSnapshot(host), "reapplied")).toEqual([]);
    });

    test("that nobody confirms goes by itself, and leaves no trace", async () => {
      await subject.layOut();
      const before = await takeSnapshot(host);
      await subject.begin(12);
      await expect.poll(() => cableAddresses(host), { timeout: 11_000 }).toEqual(FIXED);
      expect(await exists(ours)).toBe(false);
      await subject.goesBack();
      await leaseOf(host);
      expect(await cableAddresses(host)).toEqual(LEASE);
      expect(await answersAt(host, "10.1.2.57")).toBe(true);
      expect(await subject.state()).toMatchObject({ state: "wanted", last: "nobody confirmed it in time" });
      expect(elsewhere(differences(before, await takeSnapshot(host), "equivalent"))).toEqual([]);
    });

    test("is not kept by the word of an earlier trial, nor while another one goes on", async () => {
      await subject.layOut();
      const earlier = await subject.begin(5);
      await subject.goesBack();
      const token = await subject.begin(60);
      expect(await subject.ask("confirm", earlier)).toEqual({ confirmed: "gone" });
      await expect(subject.begin(60)).rejects.toThrow(/an address is being tried on this host at this moment/);
      await subject.confirm(token);
    });

    test("goes with a reboot before it was confirmed", async () => {
      await subject.layOut();
      await subject.begin(300);
      await expect.poll(() => cableAddresses(host), { timeout: 30_000 }).toEqual(FIXED);
      await host.reboot();
      await leaseOf(host);
      expect(await cableAddresses(host)).toEqual(LEASE);
      expect(await subject.state()).toMatchObject({ state: "wanted" });
      await subject.keep();
      expect(await cableAddresses(host)).toEqual(FIXED);
    });

    test("goes, whichever part of the trial is killed", async () => {
      const random = seededRandom(chosenSeed());
      console.log(`TMS_LLM_SEED=${chosenSeed()}`);
      await subject.layOut();
      const before = await takeSnapshot(host);
      for (const part of ["tms-llm-address", "tms-llm-address-revert"]) {
        await subject.begin(8);
        const moment = (random() * 1.5).toFixed(2);
        await host.shell(`until systemctl is-active --quiet ${part}.service; do sleep 0.02; done; sleep ${moment}
          systemctl kill --kill-who=all --signal=KILL ${part}.service || true`);
        await expect.poll(() => exists("/run/tms-llm-address"), { timeout: 90_000 }).toBe(false);
        await leaseOf(host);
        expect(await cableAddresses(host), `${part} after ${moment} s`).toEqual(LEASE);
      }
      expect(elsewhere(differences(before, await takeSnapshot(host), "equivalent"))).toEqual([]);
    });

    test("is changed to another one as safely", async () => {
      await subject.layOut();
      await subject.keep();
      const other = { addresses: ["10.1.2.101/24"], gateway6: undefined };
      await subject.layOut(other);
      await subject.begin(12);
      await expect.poll(() => cableAddresses(host), { timeout: 11_000 }).toContain("10.1.2.101/24");
      await subject.goesBack();
      await expect.poll(() => cableAddresses(host), { timeout: 30_000 }).toEqual(FIXED);
      await subject.keep();
      expect(await cableAddresses(host)).toEqual(["10.1.2.101/24"]);
      expect(await checkHost(host)).toEqual([]);
    });

    test("is given back when it leaves the stack file, kept or not, without a trace", async () => {
      const bare = await takeSnapshot(host);
      await subject.layOut();
      await subject.keep();
      await runPhase(host, "base", []);
      expect(await cableAddresses(host)).toEqual(FIXED);
      expect(await subject.state()).toMatchObject({ state: "wanted", goal: "former", reach: ["10.1.2.57"] });
      await subject.begin(12);
      await expect.poll(() => cableAddresses(host), { timeout: 11_000 }).toEqual(LEASE);
      await subject.goesBack();
      await expect.poll(() => cableAddresses(host), { timeout: 30_000 }).toEqual(FIXED);
      await subject.keep();
      expect(await cableAddresses(host)).toEqual(LEASE);
      expect(await subject.state()).toEqual({});
      expect(elsewhere(differences(bare, await takeSnapshot(host), "equivalent"))).toEqual([]);
    });

    test("outlives the removal of everything else until it is given back", async () => {
      await subject.layOut();
      await subject.keep();
      await removeAll(host);
      expect(await host.shell("ls /var/lib/tms-llm")).toBe("address");
      expect(await cableAddresses(host)).toEqual(FIXED);
      await subject.keep();
      expect(await cableAddresses(host)).toEqual(LEASE);
      expect(await exists("/var/lib/tms-llm")).toBe(false);
    });

    test.each([
      ["its file is another one", `echo '# by hand' >>${ours}`, `file ${ours}: as planned, another one`],
      ["anybody may read it", `chmod 0644 ${ours}`, `file ${ours}: root:root 600, root:root 644`],
      [
        "the interface has lost it",
        "ip address del 10.1.2.100/24 dev cable",
        "address of cable: 10.1.2.100/24, fd00:5::100",
      ],
    ])("drift: %s; found, and mended by the next trial", async (_, command, found) => {
      await subject.layOut();
      await subject.keep();
      await host.shell(command);
      expect((await checkHost(host)).map(told)).toEqual([found]);
      expect(await subject.state()).toMatchObject({ state: "wanted" });
      await subject.keep();
      expect(await checkHost(host)).toEqual([]);
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
        /eth0 cannot get a fixed address\n {2}why: netplan does not configure it at present/,
      ],
    ])("refuses %s", async (_, changes, message) => {
      const { exitCode, stderr } = await submitPhase(host, "base", steps(changes));
      expect(exitCode).not.toBe(0);
      expect(stderr).toMatch(message);
    });
  },
);
