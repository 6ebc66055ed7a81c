import { z } from "zod";

/** `.tms-llm/<stack>/sandbox.json`: what is chosen once per clone and kept, written by the toolchain. */
export const sandboxSettingsSchema = z.object({
  id: z.string().regex(/^[0-9a-f]{8}$/),
  image: z.string(),
  sshPort: z.number().int(),
  gatewayPort: z.number().int(),
  subnet4: z.string(),
  gateway4: z.string(),
  address4: z.string(),
  allowedProber4: z.string(),
  refusedProber4: z.string(),
  subnet6: z.string(),
  gateway6: z.string(),
  address6: z.string(),
  allowedProber6: z.string(),
  refusedProber6: z.string(),
  sshPrivateKeyFile: z.string(),
  sshPublicKey: z.string(),
  hostPrivateKeyFile: z.string(),
  hostPublicKey: z.string(),
});

export type SandboxSettings = z.output<typeof sandboxSettingsSchema>;

/** A folder of this machine that a sandbox sees. */
export interface Mount {
  readonly source: string;
  /** Where the sandbox has it. */
  readonly target: string;
}

/** What a sandbox's container publishes on this machine: SSH and the gateway, to the machine itself alone. */
export const publishedPorts = ({ sshPort, gatewayPort: external }: SandboxSettings, gatewayPort: number) => [
  { internal: 22, external: sshPort, ip: "127.0.0.1" },
  { internal: gatewayPort, external, ip: "127.0.0.1" },
];

/**
 * How a container becomes a host: systemd as PID 1 in a cgroup namespace of its own, whose mounts are made writable.
 * Binding the machine's /sys/fs/cgroup instead would let two sandboxes clear away each other's groups.
 */
export const SANDBOX_CONTAINER = {
  command: [
    "sh",
    "-c",
    'while read -r _ at kind _; do case $kind in cgroup|cgroup2) mount -o remount,rw,bind "$at";; esac; done </proc/mounts; exec /sbin/init',
  ],
  // SYS_ADMIN: systemd's mounts and namespaces; NET_ADMIN: the firewall; SYS_PTRACE: to see who holds a port.
  capabilities: ["SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE"],
  // The default profiles forbid the mounts that unit hardening makes.
  securityOptions: ["seccomp=unconfined", "apparmor=unconfined"],
  tmpfs: ["/run", "/run/lock", "/tmp"],
} as const;
