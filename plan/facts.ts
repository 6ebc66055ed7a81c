import { z } from "zod";
import { classifyNvidiaSmi, type NvidiaSmi } from "./nvidia-smi";

/** What a host can tell: the report of `templates/preflight.sh`, and how its raw values become facts. */

export const REPORT_SCHEMA = "tms-llm/preflight/1";

const text = z.string().nullable();
const count = z.number().nonnegative().nullable();

const reportSchema = z.strictObject({
  schema: z.literal(REPORT_SCHEMA),
  os: z.strictObject({ id: text, like: text, version: text, pretty: text }),
  kernel: z.string(),
  machine: z.string(),
  libc: text,
  virtualization: text,
  time: z.number().int(),
  effectiveUid: z.number().int(),
  sudoUser: text,
  packageManagers: z.array(z.enum(["apt-get", "dnf", "yum", "zypper"])),
  selinuxEnforce: text,
  cpu: z.strictObject({ count: z.number().int().min(1), model: text }),
  memory: z.strictObject({
    totalBytes: z.number().int(),
    availableBytes: count,
    swapTotalBytes: count,
    swapFreeBytes: count,
    controlGroups: z.array(z.strictObject({ limitBytes: z.number(), usedBytes: z.number() })),
  }),
  disks: z.array(z.strictObject({ mount: z.string(), sizeBytes: z.number().int(), freeBytes: z.number().int() })).min(1),
  gpu: z.strictObject({
    nvidiaSmi: z.strictObject({ exitCode: z.number().int(), output: text }),
    pciDevices: z.array(z.strictObject({ address: z.string(), device: text })),
    driverText: text,
    nouveauLoaded: z.boolean(),
  }),
  secureBoot: z.strictObject({ efi: z.boolean(), variable: count }),
  docker: z.strictObject({ path: text, version: text }),
  ports: z
    .array(z.strictObject({ address: z.string(), port: z.number().int(), process: text, unit: text }))
    .nullable(),
  firewall: z.strictObject({ ufw: text, nftRules: count }),
  systemd: z.strictObject({ running: z.boolean(), version: text, state: text }),
  services: z.array(z.strictObject({ name: z.string(), active: text, enabled: text, path: text })),
  nginx: z.strictObject({
    path: text,
    sites: z.array(z.strictObject({ path: z.string(), target: text, serverNames: text, listens: z.array(z.string()) })),
  }),
  tmsUser: z
    .strictObject({ name: z.string(), uid: z.number().int(), gid: z.number().int(), home: text, shell: text })
    .nullable(),
  ours: z
    .strictObject({
      digest: text,
      used: z.array(z.strictObject({ path: z.string(), bytes: z.number().int() })),
      ledger: z.array(z.strictObject({ kind: z.string(), id: z.string() })),
    })
    .nullable(),
});

/** The report as the host sends it; text stays as the host says it, null is "cannot be told". */
export type PreflightReport = z.output<typeof reportSchema>;

export interface Listener {
  readonly address: string;
  readonly port: number;
  /** Name of the process; null where the kernel does not tell (another name space, the kernel itself). */
  readonly process: string | null;
  /** The systemd unit of the process. */
  readonly unit: string | null;
}

export interface Service {
  readonly name: string;
  readonly active: boolean;
  /** Whether it starts at boot. */
  readonly enabled: boolean;
  readonly path: string | null;
}

export interface NginxSite {
  readonly path: string;
  /** Where a link in `sites-enabled` leads. */
  readonly target: string;
  readonly serverNames: readonly string[];
  readonly ports: readonly number[];
}

export type DockerKind = "absent" | "snap" | "podman" | "package";

/** What is known about a host, typed. Sizes in bytes. */
export interface Facts {
  readonly os: {
    readonly id: string;
    readonly version: string;
    readonly family: "debian" | "rhel" | "other";
    readonly pretty: string;
  };
  readonly kernel: string;
  /** Debian's word where there is one: `amd64`, `arm64`; else as `uname -m` says. */
  readonly architecture: string;
  /** Version of the GNU C library; null on a system that has another. */
  readonly glibc: string | null;
  /** As systemd-detect-virt says: `none`, `kvm`, `docker`…; null where it is not there. */
  readonly virtualization: string | null;
  readonly inContainer: boolean;
  readonly cpu: { readonly count: number; readonly model: string | null };
  readonly memory: {
    /** The machine's memory or the tightest control group around its services, whichever is smaller. */
    readonly totalBytes: number;
    readonly availableBytes: number;
    readonly limitedBy: "machine" | "control group";
    readonly swapTotalBytes: number;
  };
  readonly disks: PreflightReport["disks"];
  readonly gpu: {
    readonly nvidiaSmi: NvidiaSmi;
    readonly pciDevices: readonly { readonly address: string; readonly device: string | null }[];
    /** Version of the loaded kernel module. */
    readonly loadedDriver: string | null;
    readonly nouveauLoaded: boolean;
  };
  readonly secureBoot: "on" | "off" | "none" | "unknown";
  readonly docker: { readonly kind: DockerKind; readonly version: string | null };
  /** null where `ss` is missing: then nothing can be said about any port. */
  readonly listeners: readonly Listener[] | null;
  readonly selinux: "enforcing" | "permissive" | "disabled";
  readonly firewall: { readonly ufw: "absent" | "inactive" | "active"; readonly nftRules: number | null };
  readonly systemd: { readonly running: boolean; readonly version: string | null; readonly state: string | null };
  readonly services: readonly Service[];
  readonly nginx: { readonly installed: boolean; readonly sites: readonly NginxSite[] };
  readonly tmsUser: { readonly uid: number; readonly gid: number; readonly home: string; readonly shell: string } | null;
  readonly root: boolean;
  readonly packageManager: "apt-get" | "dnf" | "yum" | "zypper" | null;
  /** The host's clock, in seconds since 1970. */
  readonly time: number;
  /** What an earlier deployment left in /var/lib/tms-llm; null on a host that has none. */
  readonly ours: NonNullable<PreflightReport["ours"]> | null;
}

/** A host answered something else than a preflight report. The message is ready for a terminal. */
export class UnreadableReport extends Error {
  override readonly name = "UnreadableReport";

  constructor(found: string) {
    super(
      [
        "The host's preflight did not answer with a report. Nothing was changed on it.",
        `  found:   ${found}`,
        "  needed:  one JSON object from bash 4.2 or newer",
        "  way out: log in to the host as the same user and run `sudo -n bash --version`; correct what it says, then run up again",
      ].join("\n"),
    );
  }
}

/** Reads the report's text. Lines before it, as a login script may print, are skipped. Throws UnreadableReport. */
export function parseFacts(report: string): Facts {
  const lines = report.split("\n").filter((line) => line.trim() !== "");
  const line = lines.findLast((candidate) => candidate.startsWith('{"schema":"tms-llm/preflight/'));
  if (line === undefined) throw new UnreadableReport(lines.length === 0 ? "no output" : JSON.stringify(lines.at(-1)?.slice(0, 120)));
  return factsFromReport(parseJson(line));
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new UnreadableReport(error instanceof Error ? error.message : String(error));
  }
}

/** The same from a parsed report, as a facts file or a fixture holds it. Throws UnreadableReport. */
export function factsFromReport(report: unknown): Facts {
  const { data, error } = reportSchema.safeParse(report);
  if (error) throw new UnreadableReport(z.prettifyError(error).replaceAll("\n", " "));
  return {
    os: osFacts(data.os),
    kernel: data.kernel,
    architecture: { x86_64: "amd64", aarch64: "arm64" }[data.machine] ?? data.machine,
    glibc: /^glibc (\d+\.\d+)/.exec(data.libc ?? "")?.[1] ?? null,
    virtualization: data.virtualization,
    inContainer: CONTAINERS.has(data.virtualization ?? ""),
    cpu: data.cpu,
    memory: memoryFacts(data.memory),
    disks: data.disks,
    gpu: gpuFacts(data.gpu),
    secureBoot: !data.secureBoot.efi ? "none" : data.secureBoot.variable === null ? "unknown" : data.secureBoot.variable === 1 ? "on" : "off",
    docker: dockerFacts(data.docker),
    listeners: data.ports,
    selinux: data.selinuxEnforce === null ? "disabled" : data.selinuxEnforce === "1" ? "enforcing" : "permissive",
    firewall: {
      ufw: data.firewall.ufw === null ? "absent" : data.firewall.ufw === "yes" ? "active" : "inactive",
      nftRules: data.firewall.nftRules,
    },
    systemd: data.systemd,
    services: data.services.map(({ name, active, enabled, path }) => ({
      name,
      active: ["active", "activating", "reloading"].includes(active ?? ""),
      enabled: (enabled ?? "").startsWith("enabled"),
      path,
    })),
    nginx: { installed: data.nginx.path !== null, sites: data.nginx.sites.map(siteFacts) },
    tmsUser: data.tmsUser && { uid: data.tmsUser.uid, gid: data.tmsUser.gid, home: data.tmsUser.home ?? "/", shell: data.tmsUser.shell ?? "/bin/sh" },
    root: data.effectiveUid === 0,
    packageManager: data.packageManagers[0] ?? null,
    time: data.time,
    ours: data.ours,
  };
}

const CONTAINERS = new Set(
  "docker podman lxc lxc-libvirt systemd-nspawn openvz rkt wsl proot pouch container-other".split(" "),
);

const RHEL_FAMILY = ["rhel", "centos", "fedora", "ol", "rocky", "almalinux"];

function osFacts({ id, like, version, pretty }: PreflightReport["os"]): Facts["os"] {
  const names = [id ?? "", ...(like ?? "").split(" ")];
  const family = names.some((name) => RHEL_FAMILY.includes(name))
    ? "rhel"
    : names.some((name) => name === "debian" || name === "ubuntu")
      ? "debian"
      : "other";
  return { id: id ?? "unknown", version: version ?? "", family, pretty: pretty ?? id ?? "an unknown system" };
}

function memoryFacts({ totalBytes, availableBytes, swapTotalBytes, controlGroups }: PreflightReport["memory"]): Facts["memory"] {
  // A control group without a limit shows a number above any memory.
  const limits = controlGroups.filter(({ limitBytes }) => limitBytes < totalBytes);
  const total = Math.min(totalBytes, ...limits.map(({ limitBytes }) => limitBytes));
  const available = Math.min(availableBytes ?? total, ...limits.map(({ limitBytes, usedBytes }) => Math.max(0, limitBytes - usedBytes)));
  return {
    totalBytes: total,
    availableBytes: available,
    limitedBy: limits.length > 0 ? "control group" : "machine",
    swapTotalBytes: swapTotalBytes ?? 0,
  };
}

function gpuFacts({ nvidiaSmi, pciDevices, driverText, nouveauLoaded }: PreflightReport["gpu"]): Facts["gpu"] {
  return {
    nvidiaSmi: classifyNvidiaSmi(nvidiaSmi.exitCode, nvidiaSmi.output ?? ""),
    pciDevices,
    // "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.247.01  …", or with "Open Kernel Module for x86_64".
    loadedDriver: /\b(\d{3}\.\d+(?:\.\d+)?)\b/.exec(driverText ?? "")?.[1] ?? null,
    nouveauLoaded,
  };
}

function dockerFacts({ path, version }: PreflightReport["docker"]): Facts["docker"] {
  const kind = path === null ? "absent" : /(^|\/)snap(\/|$)/.test(path) ? "snap" : /podman/i.test(`${path} ${version}`) ? "podman" : "package";
  return { kind, version: /\d+\.\d+(\.\d+)?/.exec(version ?? "")?.[0] ?? null };
}

function siteFacts({ path, target, serverNames, listens }: PreflightReport["nginx"]["sites"][number]): NginxSite {
  return {
    path,
    target: target ?? path,
    serverNames: (serverNames ?? "").split(/\s+/).filter((name) => name !== ""),
    ports: [...new Set(listens.filter((listen) => !listen.startsWith("unix:")).map(listenPort))],
  };
}

/** `443 ssl`, `[::]:443 ssl`, `10.0.0.1:8443`, `localhost`: an address alone is port 80. */
function listenPort(listen: string): number {
  const [address = ""] = listen.split(/\s+/);
  const port = /^\d+$/.test(address) ? address : /:(\d+)$/.exec(address)?.[1];
  return port === undefined || address.endsWith("]") ? 80 : Number(port);
}
