import type { Step } from "./step";

export interface FirewallInput {
  /** Networks whose machines may reach the endpoint: CIDR or single addresses, IPv4 and IPv6. */
  readonly allow: readonly string[];
  readonly gatewayPort: number;
  /** Never opened; a rule of somebody else's that opens it is drift. Absent for an engine without one. */
  readonly enginePort?: number;
  /** The port sshd listens on, on the host itself; it is opened before the firewall is switched on. */
  readonly sshPort: number;
}

/** ufw: default deny, SSH open to all, the endpoint open to the allowlist. */
export function firewallStep({ allow, gatewayPort, enginePort, sshPort }: FirewallInput): Step {
  return {
    name: "firewall",
    phase: "access",
    title: `firewall: port ${gatewayPort} for ${allow.length} network${allow.length === 1 ? "" : "s"}, SSH kept open`,
    script: "firewall.sh",
    inputs: {
      ssh_port: String(sshPort),
      gateway_port: String(gatewayPort),
      engine_port: enginePort === undefined ? "" : String(enginePort),
      allow: [...new Set(allow)].sort().join("\n"),
    },
    files: [],
    artifacts: [],
    secrets: [],
  };
}
