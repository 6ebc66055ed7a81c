import { describe, expect, test } from "vitest";
import { firewallStep } from "../../../plan/firewall";

describe("the allowlist on the host", () => {
  const allowOf = (...allow: string[]) =>
    firewallStep({ manager: "ufw", allow, gatewayPort: 443, sshPort: 22 }).inputs["allow"];

  // ufw keeps rules in its own spelling; one that is asked for in another would never be found there again.
  test.each([
    ["fd00:5::/64", "FD00:5::/64"],
    ["fd00:5::/64", "fd00:0005:0:0::/64"],
    ["2001:db8::1", "2001:DB8:0:0:0:0:0:1"],
    ["10.20.0.0/16", "10.20.0.0/16"],
    ["192.0.2.7", "192.0.2.7"],
  ])("has %s for %s", (canonical, written) => {
    expect(allowOf(written)).toBe(canonical);
  });

  test("has one rule for two spellings of a network", () => {
    expect(allowOf("FD00::/8", "10.0.0.0/8", "fd00:0::/8")).toBe("10.0.0.0/8\nfd00::/8");
  });
});
