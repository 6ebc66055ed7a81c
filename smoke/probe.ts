/** What a prober, a container on the sandbox's network, is asked and what its answer means. */

export interface Probe {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly open: boolean;
}

/**
 * A shell line that tries all probes side by side, a second each at most, and prints the index of each port that took the
 * connection; then `seen <address>` for each host that answered on the link. A firewall that drops everything still
 * answers there, so what stays closed is known to be closed and not out of reach.
 */
export function probeScript(probes: readonly Probe[]): string {
  const attempts = probes.map(
    ({ address, port }, index) =>
      `(timeout 1 bash -c '</dev/tcp/${address}/${port}' 2>/dev/null && echo open ${index}) &`,
  );
  const addresses = [...new Set(probes.map(({ address }) => address))];
  const sightings = addresses.map(
    (address) => `case $(ip neigh show ${address}) in *lladdr*) echo seen ${address};; esac`,
  );
  return `${attempts.join(" ")} wait; ${sightings.join("; ")}`;
}

/** What is not as it should be. Throws when a host was out of the prober's sight: then closed ports prove nothing. */
export function judgeProbes(probes: readonly Probe[], output: string): string[] {
  const lines = new Set(output.split("\n").map((line) => line.trim()));
  const unseen = probes.filter(({ address }, index) => !lines.has(`seen ${address}`) && !lines.has(`open ${index}`));
  if (unseen.length > 0)
    throw new Error(
      `the prober does not see the host at ${[...new Set(unseen.map(({ address }) => address))].join(", ")}`,
    );
  return probes.flatMap(({ name, open }, index) =>
    lines.has(`open ${index}`) === open ? [] : [`${name} is ${open ? "closed" : "open"}`],
  );
}

/** Shell lines that print `unit <pid>` for each process of the unit. */
export const unitProcessesScript = (unit: string): string =>
  `for file in $(grep -ls "/${unit.replaceAll(".", "[.]")}$" /proc/[0-9]*/cgroup); do
  pid=\${file#/proc/}
  echo "unit \${pid%/cgroup}"
done`;

/** Ids of the processes that {@link unitProcessesScript} printed among other lines. */
export const unitProcesses = (output: string): ReadonlySet<string> =>
  new Set(Array.from(output.matchAll(/^unit (\d+)\s*$/gm), ([, pid]) => pid!));

/** Shell lines that print every listening TCP socket with its holders, then the processes of the unit. */
export const listenersScript = (unit: string): string => `ss -Hltnp || exit\n${unitProcessesScript(unit)}`;

export interface Listeners {
  /** Addresses other than loopback on which the engine listens. */
  readonly exposed: readonly string[];
  /** Ports of the engine that nobody holds. */
  readonly silent: readonly number[];
  /** Whether the engine's unit has a process. */
  readonly running: boolean;
}

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|\[::1\]|\[::ffff:127\.\d+\.\d+\.\d+\])$/;

/**
 * What the engine listens on, from the output of {@link listenersScript}: whoever holds one of its ports, and every socket
 * of its unit's processes, whatever the port. Throws when the output names no holders: then nothing was measured.
 */
export function listeners(output: string, ports: readonly number[]): Listeners {
  const lines = output.split("\n").map((line) => line.trim());
  const processes = unitProcesses(output);
  const sockets = lines
    .map((line) => /^LISTEN\s+\d+\s+\d+\s+(\S+):(\d+)\s+\S+\s*(.*)$/.exec(line))
    .flatMap((match) => (match ? [{ address: match[1]!, port: Number(match[2]), holders: match[3]! }] : []));
  if (!sockets.some(({ holders }) => holders.includes("pid="))) throw new Error("ss does not tell who holds a socket");
  const holds = (holders: string) => [...holders.matchAll(/pid=(\d+)/g)].some(([, pid]) => processes.has(pid!));
  return {
    exposed: sockets
      .filter(({ port, holders }) => ports.includes(port) || holds(holders))
      .filter(({ address }) => !LOOPBACK.test(address))
      .map(({ address, port }) => `${address}:${port}`),
    silent: ports.filter((port) => !sockets.some((socket) => socket.port === port)),
    running: processes.size > 0,
  };
}
