import { connect } from "node:net";
import { inconclusive, judge, type Check, type Finding } from "../check";
import { docker } from "../docker";
import { judgeProbes, listeners, listenersScript, probeScript, type Probe } from "../probe";
import { lookIntoHost } from "../host";
import type { SandboxAccess, SshAccess } from "../target";

/** As long as a prober on a sandbox's network waits. */
const PROBE_MILLISECONDS = 1000;
const NO_ACCESS = "not measured: no host access";

/** Asks all probes from one prober: one container on the sandbox's own network, IPv4 and IPv6. */
async function ask(access: SandboxAccess, from: { ip4: string; ip6: string }, probes: readonly Probe[]) {
  const { stdout } = await docker([
    ...["run", "--rm", "--network", access.network, "--ip", from.ip4, "--ip6", from.ip6],
    ...[access.image, "bash", "-c", probeScript(probes)],
  ]);
  return judgeProbes(probes, stdout);
}

function probes(access: SandboxAccess, who: string, gatewayOpen: boolean): Probe[] {
  const families = [
    { family: "IPv4", address: access.address4 },
    { family: "IPv6", address: access.address6 },
  ];
  return families.flatMap(({ family, address }) => [
    { name: `gateway (${family}, ${who})`, address, port: access.gatewayPort, open: gatewayOpen },
    ...access.enginePorts.map((port) => ({
      name: `engine port ${port} (${family}, ${who})`,
      address,
      port,
      open: false,
    })),
  ]);
}

/**
 * The engine's ports are closed to neighbours, and the gateway's is open to the allowlist alone. Neighbours, because a
 * port that Docker merely doesn't publish proves nothing; that the allowed one reaches the gateway proves that an open
 * port is recognised.
 */
export const firewall: Check = {
  id: "firewall",
  title: "The host shows one door, to the allowlist",
  demand: ({ access }) => {
    if (access?.kind === "ssh") return "engine closed to this machine, gateway open";
    return access?.gatewayOpenToAll
      ? "engine closed, gateway open to every neighbour, as without a firewall of ours, IPv4 and IPv6"
      : "engine closed, gateway open to an allowed neighbour and closed to another, IPv4 and IPv6";
  },
  needs: "health",
  async run({ target: { access } }) {
    if (!access) return inconclusive(NO_ACCESS);
    if (access.kind === "ssh") return tryFromHere(access);
    const allowed = probes(access, "allowed", true);
    const refused = probes(access, "refused", access.gatewayOpenToAll);
    const faults = await Promise.all([
      ask(access, { ip4: access.allowedProber4, ip6: access.allowedProber6 }, allowed),
      ask(access, { ip4: access.refusedProber4, ip6: access.refusedProber6 }, refused),
    ]);
    return judge(faults.flat(), `${allowed.length + refused.length} probes from 2 neighbours`);
  },
};

/** An existing host has no neighbours of ours; its open gateway shows that a port can be reached from here at all. */
async function tryFromHere({ host, gatewayPort, enginePorts }: SshAccess): Promise<Finding> {
  const faults = await Promise.all([
    opens(host, gatewayPort).then((open) => (open ? [] : [`gateway port ${gatewayPort} is closed`])),
    ...enginePorts.map((port) => opens(host, port).then((open) => (open ? [`engine port ${port} is open`] : []))),
  ]);
  return judge(faults.flat(), `${1 + enginePorts.length} ports tried from this machine`);
}

function opens(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: PROBE_MILLISECONDS });
    const end = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.on("connect", () => end(true));
    socket.on("error", () => end(false));
    socket.on("timeout", () => end(false));
  });
}

/** The engine would stay out of reach without the firewall too: neither its port nor anything else it opens is outside. */
export const engineListens: Check = {
  id: "engine-loopback",
  title: "The engine listens on loopback alone",
  demand: ({ access, engine }) =>
    `${access?.enginePorts.map((port) => `port ${port} and `).join("") ?? ""}every TCP socket of ${engine?.unit ?? "the engine"} on loopback and nowhere else`,
  async run({ target: { access, engine } }) {
    if (!access) return inconclusive(NO_ACCESS);
    if (!engine) return inconclusive("not measured: the engine's unit is not known here");
    const { exitCode, stdout, stderr } = await lookIntoHost(access, ["bash", "-c", listenersScript(engine.unit)]);
    if (exitCode !== 0) throw new Error(`ss failed on the host: ${stderr.slice(0, 200)}`);
    const { exposed, silent, running } = listeners(stdout, access.enginePorts);
    const faults = [
      ...(running ? [] : [`${engine.unit} has no process`]),
      ...exposed.map((address) => `listens on ${address}`),
      ...silent.map((port) => `nothing listens on port ${port}`),
    ];
    return judge(faults, "loopback", { listeners: stdout.split("\n").filter((line) => line !== "") });
  },
};
