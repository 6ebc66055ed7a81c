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

/** Addresses other than loopback on which one of `ports` listens, from the output of `ss -Hltn`; ports nobody holds. */
export function listeners(output: string, ports: readonly number[]): { exposed: string[]; silent: number[] } {
  const sockets = output
    .split("\n")
    .map((line) => /^LISTEN\s+\d+\s+\d+\s+(\S+):(\d+)\s/.exec(`${line.trim()} `))
    .flatMap((match) => (match ? [{ address: match[1]!, port: Number(match[2]) }] : []))
    .filter(({ port }) => ports.includes(port));
  return {
    exposed: sockets
      .filter(({ address }) => !/^(127\.\d+\.\d+\.\d+|\[::1\])$/.test(address))
      .map(({ address, port }) => `${address}:${port}`),
    silent: ports.filter((port) => !sockets.some((socket) => socket.port === port)),
  };
}
