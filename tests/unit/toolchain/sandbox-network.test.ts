import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import {
  addressesIn,
  freePorts,
  freeSubnet4,
  overlap,
  parseRoutes,
  portIsFree,
  randomSubnet6,
} from "../../../toolchain/sandbox-network";

describe("overlap", () => {
  it.each([
    ["10.1.2.0/24", "10.1.2.0/24", true],
    ["10.1.2.0/24", "10.0.0.0/8", true],
    ["10.0.0.0/8", "10.1.2.0/24", true],
    ["10.1.2.0/24", "10.1.3.0/24", false],
    ["10.1.2.0/24", "192.168.0.0/16", false],
  ])("%s and %s: %s", (one, other, expected) => {
    expect(overlap(one, other)).toBe(expected);
  });
});

describe("freeSubnet4", () => {
  it("takes the first from the starting place on that nobody has", () => {
    expect(freeSubnet4([], 256 * 7 + 3)).toBe("10.7.3.0/24");
    expect(freeSubnet4(["10.7.3.128/25", "10.7.4.0/23"], 256 * 7 + 3)).toBe("10.7.6.0/24");
  });

  it("goes on from the beginning after the last", () => {
    expect(freeSubnet4(["10.255.255.0/24"], 65_535)).toBe("10.0.0.0/24");
  });

  it("says what to do when all are taken", () => {
    expect(() => freeSubnet4(["10.0.0.0/8"], 0)).toThrowErrorMatchingInlineSnapshot(`
      [ToolchainError: No network was found for the sandbox.
        Why: every 10.x.y.0/24 overlaps with a route or a Docker network of this machine: 10.0.0.0/8
        Way out: Remove a Docker network that is not needed (\`docker network prune\`), then run the command again.]
    `);
  });
});

describe("addressesIn", () => {
  it("gives host, gateway and both probers an address in each network", () => {
    expect(addressesIn("10.7.3.0/24", "fd12:3456:789a::/64")).toEqual({
      subnet4: "10.7.3.0/24",
      gateway4: "10.7.3.1",
      address4: "10.7.3.10",
      allowedProber4: "10.7.3.20",
      refusedProber4: "10.7.3.30",
      subnet6: "fd12:3456:789a::/64",
      gateway6: "fd12:3456:789a::1",
      address6: "fd12:3456:789a::10",
      allowedProber6: "fd12:3456:789a::20",
      refusedProber6: "fd12:3456:789a::30",
    });
  });
});

describe("randomSubnet6", () => {
  it("is a unique local /64 in the spelling that Docker reports", () => {
    expect(randomSubnet6(Buffer.from("123456789a", "hex"))).toBe("fd12:3456:789a::/64");
    expect(randomSubnet6(Buffer.from("0000010000", "hex"))).toBe("fd00:1::/64");
  });
});

describe("parseRoutes", () => {
  it("reads the kernel's table and leaves the default route out", () => {
    const table = [
      "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT",
      "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0",
      "docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0",
      "",
    ].join("\n");
    expect(parseRoutes(table)).toEqual(["172.17.0.0/16"]);
  });
});

describe("ports", () => {
  it("are different, free, and below those that systems hand out by themselves", async () => {
    const ports = await freePorts(5);
    expect(new Set(ports).size).toBe(5);
    for (const port of ports) {
      expect(port).toBeLessThan(32_768);
      expect(await portIsFree(port)).toBe(true);
    }
  });

  it("are not free while somebody listens", async () => {
    const [port] = await freePorts(1);
    const server = createServer().listen(port, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    expect(await portIsFree(port!)).toBe(false);
    await new Promise((resolve) => server.close(resolve));
  });
});
