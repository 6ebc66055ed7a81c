import ipaddr from "ipaddr.js";
import { z } from "zod";
import { wordings } from "./wording";

/** Addresses, networks and names of hosts as they stand in a stack file. */

const EXPECTED = 'an address or a network, IPv4 or IPv6, for example "10.0.0.0/8" or "fd00::/8"';

interface Network {
  readonly family: "ipv4" | "ipv6";
  readonly prefix: number;
  /** The network's own address, host bits cleared and spelled as RFC 5952 has it, with the prefix where one was written. */
  readonly canonical: string;
}

function readNetwork(written: string): Network | undefined {
  const [address = "", prefix, ...more] = written.split("/");
  // "10.1" and "0x7f.1" are IPv4 to ipaddr.js, but not to ufw.
  const isAddress = ipaddr.IPv4.isValidFourPartDecimal(address) || ipaddr.IPv6.isValid(address);
  if (!isAddress || more.length > 0 || address.includes("%")) return undefined;
  const parsed = ipaddr.parse(address);
  const family = parsed.kind();
  if (prefix === undefined) return { family, prefix: family === "ipv4" ? 32 : 128, canonical: parsed.toString() };
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > (family === "ipv4" ? 32 : 128)) return undefined;
  const base = family === "ipv4" ? ipaddr.IPv4 : ipaddr.IPv6;
  return { family, prefix: Number(prefix), canonical: `${base.networkAddressFromCIDR(written).toString()}/${prefix}` };
}

/** The one spelling that firewalls write too, by which a rule is found again: `fd00:5::/64` for `FD00:5:0::/64`. */
export const canonicalNetwork = (written: string): string => readNetwork(written)?.canonical ?? written;

/** Whether two spellings of one network are the same. */
export const sameNetwork = (a: string, b: string): boolean => canonicalNetwork(a) === canonicalNetwork(b);

/** Wider than the widest private networks (10.0.0.0/8 and fc00::/7), so the internet is among it. */
export function reachesTheInternet(written: string): boolean {
  const read = readNetwork(written);
  return read !== undefined && read.prefix < (read.family === "ipv4" ? 8 : 7);
}

/** An address or a network whose host bits are zero. */
export const network = () =>
  z
    .string()
    .superRefine((written, context) => {
      const read = readNetwork(written);
      if (read === undefined) context.addIssue({ code: "custom" });
      else if (hasHostBits(written, read))
        context.addIssue({ code: "custom", params: { hint: hostBitsHint(written, read) } });
    })
    .register(wordings, { expected: EXPECTED, type: "network" });

function hasHostBits(written: string, { canonical }: Network): boolean {
  const [address = "", prefix] = written.split("/");
  return prefix !== undefined && ipaddr.parse(address).toString() !== canonical.split("/")[0];
}

function hostBitsHint(written: string, { canonical }: Network): string {
  return `The network of that address is "${canonical}"; for one machine write "${written.split("/")[0]!}".`;
}

const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
// The last label is no number, so an IPv4 address is no name (RFC 3696, section 2).
const NAME = new RegExp(`^(?=.{1,253}$)(?:${LABEL}\\.)*(?!\\d+$)${LABEL}$`);

const isHostName = (written: string): boolean => NAME.test(written);

/** A host name in lower case, as it stands in a certificate. */
export const hostName = () =>
  z
    .string()
    .superRefine((written, context) => {
      if (isHostName(written)) return;
      const hint = ipaddr.isValid(written)
        ? "The certificate carries a name, not an address: give the host a name that its clients resolve."
        : isHostName(written.toLowerCase())
          ? `Write "${written.toLowerCase()}".`
          : undefined;
      context.addIssue({ code: "custom", params: { hint } });
    })
    .register(wordings, { expected: 'a host name in lower case, for example "llm.internal"', type: "host name" });

/** A host name or an address to connect to, without user, port or scheme. */
export const hostOrAddress = () =>
  z
    .string()
    .refine(
      (written) => isHostName(written.toLowerCase()) || (readNetwork(written) !== undefined && !written.includes("/")),
    )
    .register(wordings, {
      expected: 'a host name or an address, for example "203.0.113.10"',
      type: "host name or address",
      hint: "User and port have keys of their own: `user` and `port`.",
    });
