import { describe, expect, test } from "vitest";
import { addressStep } from "../../../plan/address";
import type { FixedAddress } from "../../../plan/config/fixed-address";

const step = (address: FixedAddress) => addressStep({ noProxy: [], hosts: {}, address })!;
const netplan = (address: FixedAddress) => step(address).files[0]!.text;
const profile = (address: FixedAddress) => step(address).inputs["profile"]!;

const four: FixedAddress = { interface: "ens3", addresses: ["192.168.0.100/24"], nameservers: [] };
const six: FixedAddress = { interface: "ens3", addresses: ["FD00:0::100/64"], nameservers: ["fd00::1"] };

describe("a fixed address", () => {
  test("is no step where the stack file has none", () => {
    expect(addressStep({ noProxy: [], hosts: {} })).toBeUndefined();
  });

  test("leaves a family alone of which it has no address", () => {
    expect(netplan(four)).toBe(`# Made by tms-llm, from network.address in the stack file.
network:
  version: 2
  ethernets:
    ens3:
      dhcp4: false
      addresses:
        - 192.168.0.100/24
`);
    expect(netplan(six)).not.toContain("dhcp4");
    expect(profile(four)).not.toContain("ipv6.method");
    expect(profile(six)).not.toContain("ipv4.method");
  });

  test("takes what it does not name out of a profile of NetworkManager, and leaves name servers where it names none", () => {
    expect(profile(four)).toBe(`connection.interface-name=ens3
connection.autoconnect=yes
connection.autoconnect-priority=999
ipv4.method=manual
ipv4.addresses=192.168.0.100/24
ipv4.gateway=
ipv4.never-default=no`);
    expect(profile(six)).toMatch(/\nipv4\.dns=\nipv6\.dns=fd00::1$/);
  });

  test("is spelled as the kernel will spell it, so that it is found again", () => {
    expect(step(six).inputs["addresses"]).toBe("fd00::100/64");
  });
});
