import { fail, inconclusive, judge, type Check } from "../check";
import type { SandboxAccess } from "../target";

const loadExeca = async () => (await import("execa")).execa;

interface Probe {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly open: boolean;
}

/** Asks from one prober whether ports are open: one container, all probes side by side, a second each at most. */
async function probe(
  access: SandboxAccess,
  from: { ip4: string; ip6: string },
  probes: readonly Probe[],
): Promise<string[]> {
  const execa = await loadExeca();
  const attempts = probes.map(
    ({ address, port }, index) => `(timeout 1 bash -c '</dev/tcp/${address}/${port}' 2>/dev/null && echo ${index}) &`,
  );
  const run = await execa(
    "docker",
    [
      "run",
      "--rm",
      "--network",
      access.network,
      "--ip",
      from.ip4,
      "--ip6",
      from.ip6,
      access.image,
      "bash",
      "-c",
      `${attempts.join(" ")} wait`,
    ],
    { reject: false },
  );
  if (run.exitCode !== 0) throw new Error(`the prober did not run: ${run.stderr.slice(0, 300)}`);
  const open = new Set(run.stdout.split("\n").filter(Boolean).map(Number));
  return probes.flatMap(({ name, open: wanted }, index) =>
    open.has(index) === wanted ? [] : [`${name} is ${wanted ? "closed" : "open"}`],
  );
}

/**
 * The engine's ports are closed to neighbours, and the gateway's is open to the allowlist alone. That the allowed prober
 * reaches the gateway proves that the probe can see an open port.
 */
export const firewall: Check = {
  id: "firewall",
  title: "The host shows one door, to the allowlist",
  demand: () => "engine closed, gateway open to an allowed neighbour and closed to another, IPv4 and IPv6",
  needs: "health",
  async run({ target }) {
    const { access } = target;
    if (!access) return inconclusive("not measured: no host access");
    const families = [
      { name: "IPv4", address: access.address4 },
      { name: "IPv6", address: access.address6 },
    ];
    const probes = (gatewayOpen: boolean, who: string): Probe[] =>
      families.flatMap(({ name, address }) => [
        { name: `gateway (${name}, ${who})`, address, port: access.gatewayPort, open: gatewayOpen },
        ...access.enginePorts.map((port) => ({
          name: `engine port ${port} (${name}, ${who})`,
          address,
          port,
          open: false,
        })),
      ]);
    const faults = await Promise.all([
      probe(access, { ip4: access.allowedProber4, ip6: access.allowedProber6 }, probes(true, "allowed")),
      probe(access, { ip4: access.refusedProber4, ip6: access.refusedProber6 }, probes(false, "refused")),
    ]);
    return judge(faults.flat(), `${probes(true, "").length * 2} probes from 2 neighbours`);
  },
};

/** What is on the host is what was deployed. */
export const digest: Check = {
  id: "digest",
  title: "The host is as deployed",
  demand: ({ digest: wanted }) => `digest ${wanted?.slice(0, 12) ?? "unknown"}`,
  async run({ target }) {
    const { access, digest: wanted } = target;
    if (!access || wanted === undefined) return inconclusive("not measured: no host access");
    const execa = await loadExeca();
    const read = await execa("docker", ["exec", access.container, "cat", "/var/lib/tms-llm/digest"], { reject: false });
    if (read.exitCode !== 0) return fail("the host shows no digest", { stderr: read.stderr.slice(0, 200) });
    const found = read.stdout.trim();
    return judge(found === wanted ? [] : [`digest ${found.slice(0, 12)}`], found.slice(0, 12));
  },
};
