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

describe("an engine's listeners", () => {
  const line = (address: string, pid = 70) =>
    `LISTEN 0      4096         ${address}      0.0.0.0:*    users:(("x",pid=${pid},fd=3))`;
  const unit = (...processes: number[]) => processes.map((pid) => `unit ${pid}`);

  test("on loopback are not exposed, whatever the port; those of others don't count", () => {
    const loopback = ["127.0.0.1:11434", "[::1]:11434", "[::ffff:127.0.0.1]:39021"].map((address) => line(address));
    const output = [...loopback, line("0.0.0.0:443", 60), ...unit(70)].join("\n");
    expect(listeners(output, [11434])).toEqual({ exposed: [], silent: [], running: true });
  });

  test.each(["0.0.0.0:11434", "*:11434", "[::]:11434", "10.0.0.10:11434", "[fd00::10]:11434"])(
    "at %s are exposed, with a port of their own or behind a Unix socket",
    (address) => {
      const output = [line(address), ...unit(70)].join("\n");
      expect(listeners(output, [11434]).exposed).toEqual([address]);
      expect(listeners(output, []).exposed).toEqual([address]);
    },
  );

  test("are missed when there are none", () => {
    expect(listeners(line("127.0.0.1:1143"), [11434])).toEqual({ exposed: [], silent: [11434], running: false });
  });

  test("are not known where ss may not say who holds a socket", () => {
    expect(() => listeners("LISTEN 0 4096 127.0.0.1:11434 0.0.0.0:*", [11434])).toThrow("who holds a socket");
  });
});
