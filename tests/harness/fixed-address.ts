import { expect } from "vitest";
import { addressStep } from "../../plan/address";
import type { FixedAddress } from "../../plan/config/fixed-address";
import { addressText } from "../../plan/render/loader";
import type { BareHost } from "./bare-host";
import { anchor, prepareMaterial, runPhase } from "./deployment";
import { cableAddresses, leaseOf, startNetworkedHost, type Manager } from "./networked-host";

/** A networked host that is given a fixed address, and the states from which a test sets out. */

export const LEASE = ["10.1.2.57/24"];
export const FIXED = ["10.1.2.100/24", "fd00:5::100/64"];

/** What the plan has for it. */
export const fixedAddressSteps = (changes: Partial<FixedAddress> = {}) =>
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

export class AddressedHost {
  private constructor(readonly host: BareHost) {}

  static async start(manager: Manager): Promise<AddressedHost> {
    const { image } = await prepareMaterial();
    const started = new AddressedHost(await startNetworkedHost(image, manager));
    await anchor(started.host);
    return started;
  }

  layOut = (changes: Partial<FixedAddress> = {}) => runPhase(this.host, "base", fixedAddressSteps(changes));

  async ask(...words: string[]): Promise<Record<string, unknown>> {
    return JSON.parse(await this.host.shell(addressText(...words))) as Record<string, unknown>;
  }

  state = () => this.ask("state");
  addresses = () => cableAddresses(this.host);

  /** Begins a trial. @returns what confirms it */
  async begin(seconds = 300): Promise<string> {
    return (await this.ask("begin", String(seconds)))["token"] as string;
  }

  /** Waits until the host can be told to keep the address, and tells it. */
  async confirm(token: string): Promise<void> {
    await expect
      .poll(() => this.ask("confirm", token), { timeout: 60_000, interval: 100 })
      .toEqual({ confirmed: "yes" });
  }

  keep = async () => this.confirm(await this.begin());

  /** Waits until a trial has put these in force, which is not the end of it. */
  async tries(addresses: readonly string[], timeout = 60_000): Promise<void> {
    await expect.poll(this.addresses, { timeout, interval: 100 }).toEqual(addresses);
  }

  /** Waits until a trial is over that nobody confirms. */
  async goesBack(): Promise<void> {
    await expect.poll(async () => (await this.state())["state"], { timeout: 90_000, interval: 100 }).toBe("wanted");
  }

  /** What the timer of a trial does at its end, now; nothing where no trial goes on. */
  runOut = () =>
    this.host.shell(`! systemctl start tms-llm-address-revert.service 2>/dev/null ||
      until [ ! -e /run/tms-llm-address ] && ! systemctl is-active --quiet tms-llm-address-revert.service; do sleep 0.05; done`);

  /** From whatever a test has left to a host without anything of ours. */
  async isBare(): Promise<void> {
    await this.runOut();
    await anchor(this.host);
    await runPhase(this.host, "base", []);
    if ("state" in (await this.state())) await this.keep();
    await leaseOf(this.host);
  }

  /** The same, with an address that waits to be set. */
  async isLaidOut(): Promise<void> {
    await this.runOut();
    if ((await this.host.ask("bash /var/lib/tms-llm/address/switch.sh taken")).exitCode === 0) await this.isBare();
    await anchor(this.host);
    await this.layOut();
    await leaseOf(this.host);
  }

  /** The same, with an address that is set. */
  async isFixed(): Promise<void> {
    await this.runOut();
    await anchor(this.host);
    await this.layOut();
    if ((await this.state())["state"] !== "settled") await this.keep();
  }
}
