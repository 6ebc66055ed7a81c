import { randomBytes, randomInt } from "node:crypto";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import ipaddr from "ipaddr.js";
import { ToolchainError } from "./failure";

/** The addresses of one sandbox on its own network. */
export interface SandboxAddresses {
  readonly subnet4: string;
  readonly gateway4: string;
  readonly address4: string;
  /** The container whose address the firewall lets in. */
  readonly allowedProber4: string;
  /** The container whose address the firewall must refuse. */
  readonly refusedProber4: string;
  readonly subnet6: string;
  readonly gateway6: string;
  readonly address6: string;
  readonly allowedProber6: string;
  readonly refusedProber6: string;
}

const GATEWAY = 1;
const HOST = 10;
const ALLOWED_PROBER = 20;
const REFUSED_PROBER = 30;

type Ipv4Network = [ipaddr.IPv4, number];

/** Whether two IPv4 networks share an address. */
export function overlap(one: string, other: string): boolean {
  const [a, b] = [ipaddr.IPv4.parseCIDR(one), ipaddr.IPv4.parseCIDR(other)] as [Ipv4Network, Ipv4Network];
  const shorter = Math.min(a[1], b[1]);
  return a[0].match(b[0], shorter);
}

/** The 65 536 candidates, from a random one on. */
function* candidates(start: number): Generator<string> {
  for (let step = 0; step < 65_536; step++) {
    const number = (start + step) % 65_536;
    yield `10.${number >> 8}.${number & 255}.0/24`;
  }
}

/**
 * The first free 10.x.y.0/24 from a random place on.
 * @param taken IPv4 networks that this machine has or reaches, in CIDR form
 * @param start where to begin, 0 to 65535
 */
export function freeSubnet4(taken: readonly string[], start: number): string {
  for (const candidate of candidates(start)) {
    if (!taken.some((network) => overlap(candidate, network))) return candidate;
  }
  throw new ToolchainError(
    "No network was found for the sandbox.",
    `every 10.x.y.0/24 overlaps with a route or a Docker network of this machine: ${taken.join(", ")}`,
    "Remove a Docker network that is not needed (`docker network prune`), then run the command again.",
  );
}

/** All addresses of a sandbox, from its two subnets. */
export function addressesIn(subnet4: string, subnet6: string): SandboxAddresses {
  const four = (host: number) => subnet4.replace(/\.0\/24$/, `.${host}`);
  const six = (host: number) => canonical6(subnet6.replace(/\/64$/, String(host)));
  return {
    subnet4,
    gateway4: four(GATEWAY),
    address4: four(HOST),
    allowedProber4: four(ALLOWED_PROBER),
    refusedProber4: four(REFUSED_PROBER),
    subnet6,
    gateway6: six(GATEWAY),
    address6: six(HOST),
    allowedProber6: six(ALLOWED_PROBER),
    refusedProber6: six(REFUSED_PROBER),
  };
}

/** A unique local /64 (RFC 4193: fd, 40 random bits, subnet 0). */
export function randomSubnet6(bytes: Buffer = randomBytes(5)): string {
  const hex = `fd${bytes.toString("hex")}`;
  return `${canonical6(`${hex.slice(0, 4)}:${hex.slice(4, 8)}:${hex.slice(8, 12)}::`)}/64`;
}

/** The spelling of RFC 5952, which Docker reports too: any other would look like a change. */
function canonical6(address: string): string {
  return ipaddr.IPv6.parse(address).toRFC5952String();
}

/** Networks in `/proc/net/route`, without the default route, which covers everything and excludes nothing. */
export function parseRoutes(table: string): string[] {
  return table
    .split("\n")
    .slice(1)
    .map((line) => line.split("\t"))
    .filter((fields) => fields.length > 7 && fields[7] !== "00000000")
    .map(
      (fields) =>
        `${littleEndian(fields[1]!)}/${ipaddr.IPv4.parse(littleEndian(fields[7]!)).prefixLengthFromSubnetMask()}`,
    );
}

function littleEndian(hex: string): string {
  return [...Buffer.from(hex, "hex")].reverse().join(".");
}

/** Networks of this machine's own interfaces. */
export function interfaceNetworks(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ family, cidr }) => family === "IPv4" && cidr !== null)
    .map(({ cidr }) => cidr!);
}

/** Below the range from which systems take ports for outgoing connections, which would come and go under a kept number. */
const PORTS = { first: 20_000, last: 32_000 };

/** Ports of 127.0.0.1 that nobody listens on, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  for (let attempt = 0; found.size < count; attempt++) {
    if (attempt > 1000) {
      throw new ToolchainError(
        "No free port was found for the sandbox.",
        `1000 random ports between ${PORTS.first} and ${PORTS.last} of 127.0.0.1 are in use`,
        "Look at `ss -tln`, end what is not needed, then run the command again.",
      );
    }
    const port = randomInt(PORTS.first, PORTS.last);
    if (await portIsFree(port)) found.add(port);
  }
  return [...found];
}

/** Whether nobody listens on this port of 127.0.0.1. */
export function portIsFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
