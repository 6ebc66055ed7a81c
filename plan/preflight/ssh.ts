import type { Facts, Listener } from "../facts";
import { firewallManager } from "../firewall";
import type { Refusal } from "./refusal";
import type { Requirements } from "./requirements";

/** systemd itself, where it listens in sshd's place (Ubuntu's ssh.socket). */
const MAY_BE_SSHD: readonly (string | null)[] = ["sshd", "systemd", "init", null];

const isLoopback = ({ address }: Listener) => address.startsWith("127.") || address === "[::1]";

/** The firewall keeps one port open for SSH: where sshd does not listen on it, nobody could log in any more. */
export function judgeSsh({ listeners, os }: Facts, { sshPort, firewall = "auto" }: Requirements): Refusal[] {
  if (sshPort === undefined || listeners === null || firewallManager(firewall, os.family) === "off") return [];
  const ofSshd = listeners.filter((listener) => listener.process === "sshd" && !isLoopback(listener));
  const holders = listeners.filter(({ port }) => port === sshPort);
  // A server of another name may be one of SSH, unless sshd is seen elsewhere.
  if (holders.some(({ process }) => ofSshd.length === 0 || MAY_BE_SSHD.includes(process))) return [];
  const ports = [...new Set(ofSshd.map(({ port }) => port))].sort((one, other) => one - other);
  return [
    {
      id: "ssh-port",
      what: `sshd does not listen on port ${sshPort} of the host, which the firewall would keep open for it`,
      found: [
        holders[0] === undefined ? `nothing on port ${sshPort}` : `${holders[0].process} on port ${sshPort}`,
        ports.length === 0 ? "no sshd by that name" : `sshd on port ${ports.join(" and ")}`,
      ].join(", "),
      needed: "the port of sshd on the host itself: with another one open, nobody could log in any more",
      wayOut: `where target.port is forwarded to the host, set target.sshdPort to sshd's own port${ports[0] === undefined ? " (on the host: sshd -T | grep ^port)" : `, ${ports[0]}`}`,
    },
  ];
}
