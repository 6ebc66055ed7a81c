import { canonicalNetwork } from "./config/networks";
import type { StackConfig } from "./config/schema";
import { plannedFile } from "./render/payload";
import { fillTemplate } from "./render/template";
import { templateText } from "./render/template-files";
import type { PlannedFile, Step } from "./step";

export type FirewallChoice = StackConfig["access"]["firewall"];
type FirewallManager = Exclude<FirewallChoice, "auto">;

/** `auto` is what the host's family has: firewalld on RHEL's, ufw elsewhere. The host decides the same in `lib/system.sh`. */
export function firewallManager(choice: FirewallChoice, family: "debian" | "rhel" | "other"): FirewallManager {
  return choice === "auto" ? (family === "rhel" ? "firewalld" : "ufw") : choice;
}

export interface FirewallInput {
  readonly manager: Exclude<FirewallChoice, "off">;
  /** Networks whose machines may reach the endpoint: CIDR or single addresses, IPv4 and IPv6. */
  readonly allow: readonly string[];
  readonly gatewayPort: number;
  /** Never opened; a rule of somebody else's that opens it is drift. Absent for an engine without one. */
  readonly enginePort?: number;
  /** The port sshd listens on, on the host itself; it is opened before the firewall is switched on. */
  readonly sshPort: number;
}

/** Default deny, SSH open to all, the endpoint open to the allowlist. */
export function firewallStep({ allow, ...input }: FirewallInput): Step {
  const { manager, gatewayPort, enginePort, sshPort } = input;
  const networks = [...new Set(allow.map(canonicalNetwork))].sort();
  return {
    name: "firewall",
    phase: "access",
    title: `firewall: port ${gatewayPort} for ${allow.length} network${allow.length === 1 ? "" : "s"}, SSH kept open`,
    script: "firewall.sh",
    inputs: {
      manager,
      ssh_port: String(sshPort),
      gateway_port: String(gatewayPort),
      engine_port: enginePort === undefined ? "" : String(enginePort),
      allow: networks.join("\n"),
    },
    files: manager === "ufw" ? [] : [firewalldPolicy(networks, input)],
    artifacts: [],
    secrets: [],
  };
}

/** All of our part of firewalld as one file, in the form that firewalld 0.9 (Enterprise Linux 8.4) and later read. */
function firewalldPolicy(networks: readonly string[], input: Omit<FirewallInput, "allow">): PlannedFile {
  const { sshPort, gatewayPort, enginePort } = input;
  const rule = (attribute: string, ...lines: string[]) =>
    [`<rule ${attribute}>`, ...lines.map((line) => `  ${line}`), "</rule>"].join("\n");
  const port = (number: number) => `<port port="${number}" protocol="tcp"/>`;
  const text = fillTemplate(templateText("firewalld/tms-llm.xml"), {
    sshPort: String(sshPort),
    allow: networks
      .map((network) =>
        rule(
          `family="${network.includes(":") ? "ipv6" : "ipv4"}"`,
          `<source address="${network}"/>`,
          port(gatewayPort),
          "<accept/>",
        ),
      )
      .join("\n"),
    // After everything else of the policy.
    close: [gatewayPort, ...(enginePort === undefined ? [] : [enginePort])]
      .map((number) => rule('priority="32767"', port(number), "<drop/>"))
      .join("\n"),
  });
  return plannedFile("/etc/firewalld/policies/tms-llm.xml", text);
}
