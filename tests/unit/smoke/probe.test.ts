import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { execa } from "execa";
import { describe, expect, test } from "vitest";
import { judgeProbes, listeners, probeScript, type Probe } from "../../../smoke/probe";

const HOST = "10.0.0.10";
const probes: Probe[] = [
  { name: "gateway", address: HOST, port: 443, open: true },
  { name: "engine", address: HOST, port: 11434, open: false },
];

describe("what probers tell", () => {
  test("is as it should be when only the gateway is open", () => {
    expect(judgeProbes(probes, `open 0\nseen ${HOST}\n`)).toEqual([]);
  });

  test("names an open engine and a closed gateway", () => {
    expect(judgeProbes(probes, `open 1\nseen ${HOST}\n`)).toEqual(["gateway is closed", "engine is open"]);
  });

  test("proves nothing when the host was out of sight", () => {
    expect(() => judgeProbes(probes, "")).toThrow("the prober does not see the host at 10.0.0.10");
  });
});

test("the probers' script finds an open port open and a closed one closed", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const script = probeScript([
    { name: "open", address: "127.0.0.1", port, open: true },
    { name: "closed", address: "127.0.0.1", port: 1, open: false },
  ]);
  const { stdout } = await execa("bash", ["-c", script], { reject: false });
  server.close();
  expect(stdout.split("\n").filter((line) => line.startsWith("open"))).toEqual(["open 0"]);
});

describe("a port's listeners", () => {
  const line = (address: string) => `LISTEN 0      4096         ${address}      0.0.0.0:*   `;

  test("on loopback are not exposed", () => {
    const output = [line("127.0.0.1:11434"), line("[::1]:11434"), line("0.0.0.0:443")].join("\n");
    expect(listeners(output, [11434])).toEqual({ exposed: [], silent: [] });
  });

  test.each(["0.0.0.0:11434", "*:11434", "[::]:11434", "10.0.0.10:11434", "[fd00::10]:11434"])(
    "at %s are exposed",
    (address) => {
      expect(listeners(line(address), [11434]).exposed).toEqual([address]);
    },
  );

  test("are missed when there are none", () => {
    expect(listeners(line("127.0.0.1:1143"), [11434]).silent).toEqual([11434]);
  });
});
