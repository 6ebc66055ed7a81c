import { BareHost } from "./bare-host";
import { installPackages } from "./packages";

/**
 * A bare host whose network somebody has set up: on the far side of a cable is a second machine, which gives it 10.1.2.57 by
 * DHCP. All of it comes up again at each boot. udev's triggers do nothing: a container may not write to /sys.
 */

/**
 * What configures the network: the packages that bring it, the file by which the interface `cable` asks for a lease, the file
 * of ours, where that lies while it is tried, and how somebody else changes it.
 */
export const MANAGERS = {
  netplan: {
    packages: "netplan.io",
    file: "/etc/netplan/50-cloud-init.yaml",
    text: "network: { version: 2, ethernets: { cable: { dhcp4: true, mtu: 1400 } } }",
    start: "systemctl enable --now systemd-networkd && netplan apply",
    ours: "/etc/netplan/90-tms-llm.yaml",
    tried: "/run/netplan/90-tms-llm.yaml",
    spoil: "echo '# by hand' >>/etc/netplan/90-tms-llm.yaml",
  },
  NetworkManager: {
    packages: "network-manager",
    file: "/etc/NetworkManager/system-connections/cable.nmconnection",
    text: `# Somebody's own.
[connection]
id=cable
uuid=0d9e1c1e-1111-4a4a-8b8b-000000000001
type=ethernet
interface-name=cable

[ethernet]
mtu=1400

[ipv4]
method=auto

[ipv6]
method=auto
addr-gen-mode=eui64`,
    start: "systemctl restart NetworkManager",
    ours: "/etc/NetworkManager/system-connections/tms-llm.nmconnection",
    tried: "/run/NetworkManager/system-connections/tms-llm.nmconnection",
    spoil: "nmcli connection modify tms-llm ipv4.gateway 10.1.2.9",
  },
} as const;
export type Manager = keyof typeof MANAGERS;

// Docker's own interface is none of its business.
const NETWORK_MANAGER_CONF = "[main]\\ndns=none\\n[keyfile]\\nunmanaged-devices=interface-name:eth0\\n";

const OUTSIDE = `#!/bin/sh
mount -o remount,rw,bind /proc/sys; sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0
# Nobody else is on the cable who could have the address.
sysctl -qw net.ipv6.conf.default.dad_transmits=0
ip netns add outside
ip link add cable address 02:00:00:00:00:57 type veth peer name far netns outside
ip link set cable up; ip -n outside link set far up
ip -n outside addr add 10.1.2.1/24 dev far; ip -n outside addr add fd00:5::1/64 dev far nodad
exec ip netns exec outside dnsmasq --keep-in-foreground --port=0 --interface=far --bind-interfaces --leasefile-ro \\
  --dhcp-range=10.1.2.57,10.1.2.57,1h --dhcp-option=3,10.1.2.1`;

const UNIT = `[Unit]
Before=network-pre.target
Wants=network-pre.target
DefaultDependencies=no
After=sysinit.target
[Service]
Type=exec
ExecStart=/usr/local/sbin/outside
[Install]
WantedBy=multi-user.target`;

/** Boots such a host and waits for its lease. */
export async function startNetworkedHost(image: string, manager: Manager): Promise<BareHost> {
  const host = await BareHost.start(image);
  const { packages, file, text, start } = MANAGERS[manager];
  await host.shell(`set -e
    printf '#!/bin/sh\\n[ "$1" = trigger ] || exec /usr/bin/udevadm "$@"\\n' >/usr/local/bin/udevadm; chmod 0755 /usr/local/bin/udevadm
    mkdir -p /etc/netplan /etc/NetworkManager/conf.d /etc/NetworkManager/system-connections
    printf '${NETWORK_MANAGER_CONF}' >/etc/NetworkManager/conf.d/test.conf`);
  await host.shell(`cat >${file}; chmod 0600 ${file}`, `${text}\n`);
  await installPackages(host, `${packages} udev dnsmasq-base iputils-ping`);
  await host.shell("cat >/usr/local/sbin/outside; chmod 0755 /usr/local/sbin/outside", `${OUTSIDE}\n`);
  await host.shell("cat >/etc/systemd/system/outside.service", `${UNIT}\n`);
  await host.shell(
    `systemctl daemon-reload && systemctl enable --now --quiet outside && until [ -e /sys/class/net/cable ]; do sleep 0.1; done; (${start}) >/run/start.log 2>&1`,
  );
  await leaseOf(host);
  return host;
}

/** Waits for the lease. */
export const leaseOf = (host: BareHost) =>
  host.shell(
    "for i in $(seq 300); do ip -o address show cable | grep -q 10.1.2.57/24 && exit 0; sleep 0.1; done; ip address; exit 1",
  );

/** Addresses of the cable that others can use. */
export async function cableAddresses(host: BareHost): Promise<string[]> {
  const shown = await host.shell("ip -o address show dev cable scope global | awk '!/tentative/ { print $4 }' | sort");
  return shown.split("\n").filter((line) => line !== "");
}

/** Whether the second machine gets an answer from this address. */
export async function answersAt(host: BareHost, address: string): Promise<boolean> {
  return (await host.ask(`ip netns exec outside ping -c 1 -W 1 ${address}`)).exitCode === 0;
}
