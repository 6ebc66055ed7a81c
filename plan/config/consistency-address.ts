import type { LocatedFault } from "./faults";
import { canonicalAddress, inNetworkOf, readInterfaceAddress, type InterfaceAddress } from "./fixed-address";
import type { KnownConfig } from "./known";

/** What the parts of a fixed address get wrong together. */
export function addressFaults({ target, network }: KnownConfig): LocatedFault[] {
  const address = network?.address;
  if (address === undefined) return [];
  if (target?.kind === "sandbox") {
    return [
      {
        path: ["network", "address"],
        found: "a fixed address for a sandbox",
        expected: "no such key, or a target of kind ssh",
        hint: "Docker gives a sandbox its address, on this machine alone; there is nothing to fix.",
      },
    ];
  }
  const all = address.addresses?.map((written) => (written === undefined ? undefined : readInterfaceAddress(written)));
  if (all === undefined) return [];
  return [
    ...repeated(all),
    // What is not known might have been the one.
    ...(all.includes(undefined)
      ? []
      : (["gateway4", "gateway6"] as const).flatMap((key) =>
          gatewayFaults(
            key,
            address[key],
            all.filter((known) => known !== undefined),
          ),
        )),
  ];
}

function repeated(all: readonly (InterfaceAddress | undefined)[]): LocatedFault[] {
  return all.flatMap((address, index): LocatedFault[] => {
    const first = all.findIndex((other) => address !== undefined && other?.address === address.address);
    if (first === -1 || first === index) return [];
    return [
      {
        path: ["network", "address", "addresses", index],
        found: JSON.stringify(`${address!.address}/${address!.prefix}`),
        expected: `each address once; it is addresses[${first}]`,
      },
    ];
  });
}

const FAMILY = { gateway4: "ipv4", gateway6: "ipv6" } as const;

function gatewayFaults(
  key: keyof typeof FAMILY,
  written: string | undefined,
  all: readonly InterfaceAddress[],
): LocatedFault[] {
  if (written === undefined) return [];
  const own = all.filter(({ family }) => family === FAMILY[key]);
  const fault = (expected: string, hint: string): LocatedFault[] => [
    { path: ["network", "address", key], found: JSON.stringify(written), expected, hint },
  ];
  const gateway = canonicalAddress(written);
  const networks = own.map(({ address, prefix }) => `${address}/${prefix}`).join(", ");
  if (own.length === 0)
    return fault(
      "no gateway of a family without an address",
      `Name an ${key === "gateway4" ? "IPv4" : "IPv6"} address of the host too, or take ${key} out.`,
    );
  if (own.some(({ address }) => address === gateway))
    return fault("another machine than the host", "It is the router's address, not the host's own.");
  // A router of IPv6 is known by its link-local address more often than not.
  if (!own.some((address) => inNetworkOf(gateway, address)) && !gateway.startsWith("fe80:"))
    return fault(`an address in the network of ${networks}`, "The host could not reach it, and nobody the host.");
  return [];
}
