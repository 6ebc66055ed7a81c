import { expect, test } from "vitest";
import { judgePreflight, refusalText } from "../../../plan/preflight";
import type { Requirements } from "../../../plan/preflight/requirements";
import { hostFacts, hostReport } from "../../fixtures/hosts/load";

/** sshd on port 22, and nothing else. */
const HOST = "ubuntu-24.04";
const SSHD = hostReport(HOST).ports!;

const listener = (port: number, process: string | null, address = "0.0.0.0") => ({
  address,
  port,
  process,
  unit: null,
});

/** What stands in the way of keeping `sshPort` open on a host with these listeners. */
function judge(ports: typeof SSHD, sshPort: number, needs: Partial<Requirements> = {}) {
  const demands = { memoryBytes: 0, diskBytes: {}, ports: [], sshPort, ...needs };
  return judgePreflight(hostFacts(HOST, { ports }), demands).refusals;
}

test.each<[title: string, ports: typeof SSHD, sshPort: number]>([
  ["that a NAT leads to another one", SSHD, 2222],
  ["that another server has", [...SSHD, listener(2222, "gitea")], 2222],
  ["on a host where sshd listens for a forwarded session alone", [listener(6010, "sshd", "127.0.0.1")], 22],
])("a port of SSH %s is refused: the firewall would lock everybody out", (_, ports, sshPort) => {
  expect(refusalText(judge(ports, sshPort))).toMatchSnapshot();
});

test.each<[title: string, ports: typeof SSHD, sshPort: number, needs?: Partial<Requirements>]>([
  ["sshd has it", SSHD, 22],
  ["systemd has it in sshd's place", [...SSHD, listener(2222, "systemd")], 2222],
  ["the kernel does not name who has it", [...SSHD, listener(2222, null)], 2222],
  ["an SSH server of another name has it", [listener(22, "dropbear")], 22],
  ["the firewall is somebody else's work", SSHD, 2222, { firewall: "off" }],
])("a port of SSH is admitted where %s", (_, ports, sshPort, needs) => {
  expect(judge(ports, sshPort, needs)).toEqual([]);
});
