import { stringify } from "yaml";
import { readInterfaceAddress, type FixedAddress, type InterfaceAddress } from "./config/fixed-address";
import type { Network } from "./config/network";
import { plannedFile } from "./render/payload";
import type { Step } from "./step";

/**
 * The host's fixed address. The step lays it out and no more: a phase came by a line that may not outlive the change, and
 * cannot know whether anybody reaches the host afterwards. `npm run up` sets it as the last thing, see cli/address.ts.
 */

/** Sorted behind what an installer or cloud-init writes: in netplan the later file has the last word. */
const NETPLAN_FILE = "/etc/netplan/90-tms-llm.yaml";
/** Read on RHEL 8 too, where other profiles are ifcfg files. */
const KEYFILE = "/etc/NetworkManager/system-connections/tms-llm.nmconnection";

const OURS = "# Made by tms-llm, from network.address in the stack file.";

const cidr = ({ address, prefix }: InterfaceAddress) => `${address}/${prefix}`;

function read({ addresses }: FixedAddress) {
  const all = addresses.map((written) => readInterfaceAddress(written)!);
  const four = all.filter(({ family }) => family === "ipv4").map(cidr);
  const six = all.filter(({ family }) => family === "ipv6").map(cidr);
  return { four, six };
}

function netplanText(fixed: FixedAddress): string {
  const { four, six } = read(fixed);
  const routes = [fixed.gateway4, fixed.gateway6].filter((via) => via !== undefined);
  const settings = {
    ...(four.length > 0 ? { dhcp4: false } : {}),
    ...(six.length > 0 ? { dhcp6: false } : {}),
    addresses: [...four, ...six],
    ...(routes.length > 0 ? { routes: routes.map((via) => ({ to: "default", via })) } : {}),
    ...(fixed.nameservers.length > 0 ? { nameservers: { addresses: [...fixed.nameservers] } } : {}),
  };
  return `${OURS}\n${stringify({ network: { version: 2, ethernets: { [fixed.interface]: settings } } })}`;
}

/** As `nmcli connection modify` takes them, a property a line; the rest is as in the profile that the interface had before. */
function profileText(fixed: FixedAddress): string {
  const { four, six } = read(fixed);
  const isSix = (nameserver: string) => nameserver.includes(":");
  const family = (name: "ipv4" | "ipv6", own: readonly string[], gateway = "") =>
    own.length === 0
      ? []
      : [
          `${name}.method=manual`,
          `${name}.addresses=${own.join(",")}`,
          `${name}.gateway=${gateway}`,
          `${name}.never-default=no`,
        ];
  const nameservers =
    fixed.nameservers.length === 0
      ? []
      : [
          `ipv4.dns=${fixed.nameservers.filter((server) => !isSix(server)).join(",")}`,
          `ipv6.dns=${fixed.nameservers.filter(isSix).join(",")}`,
        ];
  return [
    `connection.interface-name=${fixed.interface}`,
    "connection.autoconnect=yes",
    // The highest there is: the former profile stays beside it.
    "connection.autoconnect-priority=999",
    ...family("ipv4", four, fixed.gateway4),
    ...family("ipv6", six, fixed.gateway6),
    ...nameservers,
  ].join("\n");
}

/** The fixed address, for netplan as a file and for NetworkManager as properties: the host knows which of the two it has. */
export function addressStep({ address }: Network): Step | undefined {
  if (address === undefined) return undefined;
  const { four, six } = read(address);
  const all = [...four, ...six];
  return {
    name: "address",
    phase: "base",
    title: `fixed address of ${address.interface}: ${all.join(", ")}, laid out to be set last of all`,
    script: "address.sh",
    inputs: {
      interface: address.interface,
      addresses: all.join("\n"),
      families: [...(four.length > 0 ? ["4"] : []), ...(six.length > 0 ? ["6"] : [])].join("\n"),
      nameservers: address.nameservers.length > 0 ? "yes" : "",
      netplan: NETPLAN_FILE,
      keyfile: KEYFILE,
      profile: profileText(address),
    },
    files: [plannedFile(NETPLAN_FILE, netplanText(address), "root:root", "0600")],
    artifacts: [],
    secrets: [],
  };
}
