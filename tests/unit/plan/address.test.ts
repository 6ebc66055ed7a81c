import { describe, expect, test } from "vitest";
import { addressStep } from "../../../plan/address";
import type { FixedAddress } from "../../../plan/config/fixed-address";

const file = (address: FixedAddress, ending: string) =>
  addressStep({ noProxy: [], hosts: {}, address })!.files.find(({ path }) => path.endsWith(ending))!.text;

const four: FixedAddress = { interface: "ens3", addresses: ["192.168.0.100/24"], nameservers: [] };
const six: FixedAddress = { interface: "ens3", addresses: ["FD00:0::100/64"], nameservers: ["fd00::1"] };

describe("a fixed address", () => {
  test("is no step where the stack file has none", () => {
    expect(addressStep({ noProxy: [], hosts: {} })).toBeUndefined();
  });

  test("leaves a family alone of which it has no address", () => {
    expect(file(four, ".yaml")).toBe(`# Made by tms-llm, from network.address in the stack file.
network:
  version: 2
  ethernets:
    ens3:
      dhcp4: false
      addresses:
        - 192.168.0.100/24
`);
    expect(file(six, ".yaml")).not.toContain("dhcp4");
  });

  test("is spelled as the kernel will spell it, so that it is found again", () => {
    expect(addressStep({ noProxy: [], hosts: {}, address: six })!.inputs["addresses"]).toBe("fd00::100/64");
  });
});
