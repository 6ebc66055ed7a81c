import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fillSecrets } from "../../plan/render/payload";
import type { PlannedFile, Step } from "../../plan/step";
import type { HostWork } from "./work";

/** The same work as data for the peers: what the plan holds is taken from it, what our step scripts do is written out. */

interface PeerFile {
  readonly path: string;
  readonly user: string;
  readonly group: string;
  readonly mode: string;
  /** Where this machine has the text. */
  readonly source: string;
}

const folder = (path: string, mode: string, owner = "root") => ({ path, user: owner, group: owner, mode });

/** Writes `work.json` and the files it names into a folder. @returns the path of work.json */
export function exportWork(work: HostWork, into: string): string {
  mkdirSync(join(into, "files"), { recursive: true });
  const files = (step: string): PeerFile[] => named(work, step).files.map((file) => exportFile(work, file, into));
  const content = {
    packages: ["ca-certificates", "curl", "logrotate", "nginx", "ufw", "zstd"],
    user: { name: "tms", home: "/opt/llm", groups: ["video"] },
    folders: [
      folder("/etc/tms-llm", "0755"),
      folder("/opt/llm", "0755"),
      ...["models", "logs", "cache"].map((name) => folder(`/opt/llm/${name}`, "0750", "tms")),
      folder("/etc/nginx/tms-llm", "0700"),
    ],
    files: files("account"),
    rules: firewallRules(named(work, "firewall").inputs),
    gatewayFiles: files("gateway"),
    absent: ["/etc/nginx/sites-enabled/default"],
  };
  const path = join(into, "work.json");
  writeFileSync(path, JSON.stringify(content, null, 2));
  return path;
}

function named({ plan }: HostWork, name: string): Step {
  const step = plan.steps.find((candidate) => candidate.name === name);
  if (!step) throw new Error(`the plan has no step ${name}`);
  return step;
}

function exportFile({ plan }: HostWork, { path, text, owner, mode }: PlannedFile, into: string): PeerFile {
  // Keys of the same form as ours, from a vault as it were; the snapshots compare everything but their values.
  const keys = Object.fromEntries(plan.keys.map(({ name }, index) => [name, `${index}`.repeat(43)]));
  const source = join(into, "files", path.replaceAll("/", "_"));
  writeFileSync(source, fillSecrets(text, keys), { mode: 0o600 });
  const [user, group] = owner.split(":") as [string, string];
  return { path, user, group, mode, source };
}

interface PeerRule {
  readonly command: string;
  /** The line by which ufw's own files remember the rule. */
  readonly tuple: string;
}

function firewallRules(inputs: Readonly<Record<string, string>>): PeerRule[] {
  const rule = (port: string, source: string): PeerRule => {
    const anywhere = source.includes(":") ? "::/0" : "0.0.0.0/0";
    return {
      command: `ufw allow proto tcp from ${source} to ${anywhere} port ${port}`,
      tuple: `### tuple ### allow tcp ${port} ${anywhere} any ${source} in`,
    };
  };
  const { ssh_port: ssh = "", gateway_port: gateway = "", allow = "" } = inputs;
  return [rule(ssh, "0.0.0.0/0"), rule(ssh, "::/0"), ...allow.split("\n").map((source) => rule(gateway, source))];
}
