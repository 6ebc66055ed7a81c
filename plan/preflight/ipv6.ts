import type { Facts } from "../facts";
import { firewallManager } from "../firewall";
import type { Refusal } from "./refusal";
import type { Requirements } from "./requirements";

/** The gateway listens on IPv6 as well, and the firewall closes it; on a host without either a deployment would break half-way. */
export function judgeIpv6({ ipv6, firewall, os }: Facts, { firewall: choice = "auto" }: Requirements): Refusal[] {
  if (!ipv6) {
    return [
      {
        id: "ipv6",
        what: "IPv6 is switched off in the host's kernel",
        found: "no /proc/sys/net/ipv6, as with ipv6.disable=1",
        needed: "IPv6 in the kernel; no address of it, and no way out by it",
        wayOut:
          "take ipv6.disable=1 from the kernel's command line and reboot; to go without addresses, net.ipv6.conf.all.disable_ipv6=1 does",
      },
    ];
  }
  if (firewallManager(choice, os.family) === "ufw" && firewall.ufw !== "absent" && !firewall.ufwIpv6) {
    return [
      {
        id: "ufw-ipv6",
        what: "ufw leaves IPv6 alone on this host",
        found: "IPV6=no in /etc/default/ufw",
        needed: "IPV6=yes: otherwise the rules are for half of the ways in",
        wayOut: "on the host: set IPV6=yes in /etc/default/ufw, then ufw reload; or set access.firewall to off",
      },
    ];
  }
  return [];
}
