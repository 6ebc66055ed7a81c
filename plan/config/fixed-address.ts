import ipaddr from "ipaddr.js";
import { z } from "zod";
import { text, wordings } from "./wording";

/** The part of a stack file that gives the host a fixed address, in netplan's words. */

type Family = "ipv4" | "ipv6";
const BITS = { ipv4: 32, ipv6: 128 } as const;

/** "10.1" and "0x7f.1" are IPv4 to ipaddr.js, but not to a host. */
const isAddress = (written: string) =>
  ipaddr.IPv4.isValidFourPartDecimal(written) || (ipaddr.IPv6.isValid(written) && !written.includes("%"));

/** Ranges in which no host is reached by others, as they are named to people. */
const UNREACHABLE: Readonly<Record<string, string>> = {
  loopback: "loopback",
  linkLocal: "link-local, which another network does not know",
  multicast: "multicast",
  unspecified: "no address at all",
  broadcast: "broadcast",
};

/** An address of an interface, read; undefined where it is none, or lacks its prefix. */
export interface InterfaceAddress {
  readonly family: Family;
  /** As the kernel spells it, without the prefix. */
  readonly address: string;
  readonly prefix: number;
}

export function readInterfaceAddress(written: string): InterfaceAddress | undefined {
  const [address = "", prefix = "", ...more] = written.split("/");
  if (more.length > 0 || !isAddress(address) || !/^\d{1,3}$/.test(prefix)) return undefined;
  const parsed = ipaddr.parse(address);
  const family = parsed.kind();
  if (Number(prefix) < 1 || Number(prefix) > BITS[family]) return undefined;
  return { family, address: parsed.toString(), prefix: Number(prefix) };
}

/** Whether an address lies in the network that an interface is in. */
export function inNetworkOf(address: string, { family, address: own, prefix }: InterfaceAddress): boolean {
  const [one, other] = [ipaddr.parse(address), ipaddr.parse(own)];
  return one.kind() === family && one.match(other, prefix);
}

/** The one spelling of an address. */
export const canonicalAddress = (written: string): string => ipaddr.parse(written).toString();

/** What speaks against an address; undefined where nothing does. */
function addressFault(written: string): { readonly hint?: string } | undefined {
  const read = readInterfaceAddress(written);
  if (read === undefined) {
    const prefix = written.includes(":") ? 64 : 24;
    return isAddress(written)
      ? { hint: `The prefix of its network belongs to it, for example "${written}/${prefix}".` }
      : {};
  }
  const range = UNREACHABLE[ipaddr.parse(read.address).range()];
  const hint = range === undefined ? edgeHint(read) : `${read.address} is ${range}: nobody would reach the host there.`;
  return hint === undefined ? undefined : { hint };
}

/** The first and the last address of an IPv4 network are its own, but for the smallest ones (RFC 3021). */
function edgeHint({ family, address, prefix }: InterfaceAddress): string | undefined {
  const written = `${address}/${prefix}`;
  if (family === "ipv4" && prefix < 31) {
    if (ipaddr.IPv4.networkAddressFromCIDR(written).toString() === address)
      return `${address} names the network itself.`;
    if (ipaddr.IPv4.broadcastAddressFromCIDR(written).toString() === address)
      return `${address} is the network's broadcast address.`;
  }
  if (family === "ipv6" && prefix < 127 && ipaddr.IPv6.networkAddressFromCIDR(written).toString() === address)
    return `${address} belongs to the network's routers.`;
  return undefined;
}

const interfaceAddress = () =>
  z
    .string()
    .superRefine((written, context) => {
      const params = addressFault(written);
      if (params !== undefined) context.addIssue({ code: "custom", params });
    })
    .register(wordings, {
      expected: 'an address of one machine with its prefix, for example "192.168.0.100/24" or "fd00::100/64"',
      type: "address with prefix",
    });

const address = (family: Family, example: string) =>
  z
    .string()
    .refine((written) => isAddress(written) && ipaddr.parse(written).kind() === family)
    .register(wordings, {
      expected: `an ${family === "ipv4" ? "IPv4" : "IPv6"} address, for example "${example}"`,
      type: "address",
    });

export const fixedAddressSchema = z.strictObject({
  // As long as the kernel lets one be; "lo" is the machine's own.
  interface: text(/^(?!lo$)[a-zA-Z0-9][a-zA-Z0-9._-]{0,14}$/, {
    expected: "the name of a network interface, at most 15 characters, for example ens3",
    type: "interface",
    hint: "`ip -brief link` on the host lists them.",
  }).describe("The Ethernet interface that gets the addresses, as `ip -brief link` names it on the host."),
  addresses: z
    .array(interfaceAddress())
    .min(1)
    .register(wordings, {
      expected: "a list with at least one address, each with the prefix of its network",
      type: "list of addresses with prefix",
    })
    .describe(
      "The addresses, each with the prefix of its network. A family of which none is named stays as it is, IPv6 by router advertisements for example.",
    ),
  gateway4: address("ipv4", "192.168.0.1")
    .optional()
    .describe("Where IPv4 leaves the network; without it the host reaches its own networks alone."),
  gateway6: address("ipv6", "fd00::1").optional().describe("Where IPv6 leaves the network."),
  nameservers: z
    .array(z.string().refine(isAddress).register(wordings, { expected: "an address, IPv4 or IPv6", type: "address" }))
    .register(wordings, {
      expected: "a list of addresses; [] where the host needs no name service",
      type: "list of addresses",
      hint: "Those that DHCP gave the host go with DHCP.",
    })
    .describe("Who resolves names for the host; `[]` for nobody. Mandatory, since those of DHCP go with it."),
});

export type FixedAddress = z.output<typeof fixedAddressSchema>;
