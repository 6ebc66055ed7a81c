import { readReserved } from "./gpu-memory";
import { classifyNvidiaSmi, type GpuDevice, type NvidiaSmi } from "./nvidia-smi";
import { readMigInstances } from "./nvidia-smi-mig";
import { isUek } from "./os";
import { readReport, type PreflightReport } from "./preflight/report";

/** What a host can tell, and how the raw values of its preflight report become facts. */

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

export interface GpuProcess {
  /** UUID of the GPU. */
  readonly gpu: string;
  readonly name: string;
  /** 0 where the driver does not tell. */
  readonly usedBytes: number;
  /** The systemd unit of the process. */
  readonly unit: string | null;
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
  /** Oracle's own kernel wants other headers, and may want another compiler. */
  readonly kernelFlavour: "stock" | "uek";
  /** Whether modules can be built for the running kernel. */
  readonly kernelHeaders: boolean;
  /** Debian's word where there is one: `amd64`, `arm64`; else as `uname -m` says. */
  readonly architecture: string;
  /** Version of the GNU C library; null on a system that has another. */
  readonly glibc: string | null;
  /** As systemd-detect-virt says: `none`, `kvm`, `docker`…; null where it is not there. */
  readonly virtualization: string | null;
  readonly inContainer: boolean;
  /** Whether it is Windows' Subsystem for Linux. */
  readonly wsl: boolean;
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
    /** Programs that hold memory of a GPU. */
    readonly processes: readonly GpuProcess[];
    /** Version of the loaded kernel module. */
    readonly loadedDriver: string | null;
    /** Version of the kernel module on disk: what a reboot would load. */
    readonly installedDriver: string | null;
    readonly nouveauLoaded: boolean;
  };
  /** What connects several GPUs; absent from what former releases recorded. */
  readonly fabric?: {
    /** NVSwitches on the PCI bus. */
    readonly switches: number;
    /** As nvidia-smi says it, GPU by GPU: `Completed`, `In Progress`, `Not Started`…; none where it has no fabric or does not know. */
    readonly states: readonly string[];
    /** Version of the installed Fabric Manager. */
    readonly managerVersion: string | null;
    readonly managerActive: boolean;
  };
  readonly secureBoot: "on" | "off" | "none" | "unknown";
  readonly docker: { readonly kind: DockerKind; readonly version: string | null };
  /** null where `ss` is missing: then nothing can be said about any port. */
  readonly listeners: readonly Listener[] | null;
  readonly selinux: "enforcing" | "permissive" | "disabled";
  /** Whether the kernel has it at all, with an address or without. */
  readonly ipv6: boolean;
  readonly firewall: {
    readonly ufw: "absent" | "inactive" | "active";
    /** Whether ufw, where it is there, looks after IPv6 as well. */
    readonly ufwIpv6: boolean;
    readonly nftRules: number | null;
  };
  readonly systemd: { readonly running: boolean; readonly version: string | null; readonly state: string | null };
  readonly services: readonly Service[];
  readonly nginx: { readonly installed: boolean; readonly sites: readonly NginxSite[] };
  readonly tmsUser: {
    readonly uid: number;
    readonly gid: number;
    readonly home: string;
    readonly shell: string;
  } | null;
  /** Versions of Python 3 on the path, newest first. */
  readonly pythons: readonly string[];
  /** Those of them whose headers are there (`Python.h`); absent where that was not asked. */
  readonly pythonsWithHeaders?: readonly string[];
  readonly root: boolean;
  readonly packageManager: "apt-get" | "dnf" | "yum" | "zypper" | null;
  /** The host's clock, in seconds since 1970. */
  readonly time: number;
  /** What an earlier deployment left in /var/lib/tms-llm; null on a host that has none. */
  readonly ours: NonNullable<PreflightReport["ours"]> | null;
  /** What servers answered the host, with the status after redirects, or why they did not; absent where none was asked. */
  readonly servers?: NonNullable<PreflightReport["servers"]>;
}

/** The facts in what a host printed; throws UnreadableReport. */
export function parseFacts(printed: string): Facts {
  return factsFromReport(readReport(printed));
}

/** The facts of a report, as a facts file or a fixture holds it. */
export function factsFromReport(data: PreflightReport): Facts {
  return {
    os: osFacts(data.os),
    kernel: data.kernel,
    kernelFlavour: isUek(data.kernel) ? "uek" : "stock",
    kernelHeaders: data.kernelHeaders,
    architecture: { x86_64: "amd64", aarch64: "arm64" }[data.machine] ?? data.machine,
    glibc: /^glibc (\d+\.\d+)/.exec(data.libc ?? "")?.[1] ?? null,
    virtualization: data.virtualization,
    inContainer: CONTAINERS.has(data.virtualization ?? ""),
    wsl: isWsl(data),
    cpu: data.cpu,
    memory: memoryFacts(data.memory),
    disks: data.disks,
    gpu: gpuFacts(data.gpu),
    ...(data.fabric ? { fabric: fabricFacts(data.fabric) } : {}),
    secureBoot: !data.secureBoot.efi
      ? "none"
      : data.secureBoot.variable === null
        ? "unknown"
        : data.secureBoot.variable === 1
          ? "on"
          : "off",
    docker: dockerFacts(data.docker),
    listeners: data.ports,
    selinux: data.selinuxEnforce === null ? "disabled" : data.selinuxEnforce === "1" ? "enforcing" : "permissive",
    ipv6: data.ipv6,
    firewall: {
      ufwIpv6: data.firewall.ufwIpv6 !== "no",
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
    tmsUser: data.tmsUser && {
      uid: data.tmsUser.uid,
      gid: data.tmsUser.gid,
      home: data.tmsUser.home ?? "/",
      shell: data.tmsUser.shell ?? "/bin/sh",
    },
    pythons: pythonVersions(data.pythons),
    ...(data.pythonsWithHeaders ? { pythonsWithHeaders: pythonVersions(data.pythonsWithHeaders) } : {}),
    root: data.effectiveUid === 0,
    packageManager: data.packageManagers[0] ?? null,
    time: data.time,
    ours: data.ours,
    ...(data.servers === undefined ? {} : { servers: data.servers }),
  };
}

const CONTAINERS = new Set(
  "docker podman lxc lxc-libvirt systemd-nspawn openvz rkt wsl proot pouch container-other".split(" "),
);

/** Where systemd is too old to know it, the kernel's name or the device of its GPU tells. A container in it is one like any other. */
const isWsl = ({ virtualization, kernel, gpu }: PreflightReport) =>
  virtualization === "wsl" || (!CONTAINERS.has(virtualization ?? "") && (/microsoft/i.test(kernel) || gpu.dxg));

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

function memoryFacts({
  totalBytes,
  availableBytes,
  swapTotalBytes,
  controlGroups,
}: PreflightReport["memory"]): Facts["memory"] {
  // A control group without a limit shows a number above any memory.
  const limits = controlGroups.filter(({ limitBytes }) => limitBytes < totalBytes);
  const total = Math.min(totalBytes, ...limits.map(({ limitBytes }) => limitBytes));
  const available = Math.min(
    availableBytes ?? total,
    ...limits.map(({ limitBytes, usedBytes }) => Math.max(0, limitBytes - usedBytes)),
  );
  return {
    totalBytes: total,
    availableBytes: available,
    limitedBy: limits.length > 0 ? "control group" : "machine",
    swapTotalBytes: swapTotalBytes ?? 0,
  };
}

/** `Python 3.11.2`: newest first, each once. */
function pythonVersions(printed: PreflightReport["pythons"]): string[] {
  const versions = printed.flatMap((text) => /^Python (3\.\d+\.\d+)/.exec(text ?? "")?.[1] ?? []);
  return [...new Set(versions)].sort((one, other) => other.localeCompare(one, "en", { numeric: true }));
}

function gpuFacts(report: PreflightReport["gpu"]): Facts["gpu"] {
  const { nvidiaSmi, pciDevices, processes, driverText, installedDriver, nouveauLoaded } = report;
  return {
    nvidiaSmi: withMemory(classifyNvidiaSmi(nvidiaSmi.exitCode, nvidiaSmi.output ?? ""), report),
    pciDevices,
    processes: processes.map(({ gpu, name, usedMebibytes, unit }) => ({
      gpu,
      name: name ?? "an unnamed process",
      usedBytes: (usedMebibytes ?? 0) * 2 ** 20,
      unit,
    })),
    installedDriver,
    // "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.247.01  …", or with "Open Kernel Module for x86_64".
    loadedDriver: /\b(\d{3}\.\d+(?:\.\d+)?)\b/.exec(driverText ?? "")?.[1] ?? null,
    nouveauLoaded,
  };
}

/** The devices with what further questions tell of them. */
function withMemory(
  answer: NvidiaSmi,
  { memoryReserved, instances }: Pick<PreflightReport["gpu"], "memoryReserved" | "instances">,
): NvidiaSmi {
  if (answer.state !== "ready") return answer;
  const reserved = readReserved(memoryReserved ?? "");
  const split = readMigInstances(instances?.list ?? "", instances?.memory ?? "");
  const more = ({ uuid, mig }: GpuDevice) => {
    const [bytes, parts] = uuid === null ? [] : [reserved.get(uuid), split.get(uuid)];
    return {
      ...(bytes === undefined ? {} : { reservedBytes: bytes }),
      ...(mig !== true || parts === undefined ? {} : { instances: parts }),
    };
  };
  return { ...answer, devices: answer.devices.map((device) => ({ ...device, ...more(device) })) };
}

function fabricFacts(report: NonNullable<PreflightReport["fabric"]>): NonNullable<Facts["fabric"]> {
  const lines = (report.states ?? "").split("\n").map((line) => line.trim());
  return {
    switches: report.switches,
    states: lines.filter((line) => line !== "" && !/^\[?N\/A\]?$/.test(line)),
    // "Fabric Manager version is : 580.95.05"
    managerVersion: /\b\d{3}\.\d+(?:\.\d+)?\b/.exec(report.managerVersion ?? "")?.[0] ?? null,
    managerActive: report.managerActive === "active",
  };
}

function dockerFacts({ path, version }: PreflightReport["docker"]): Facts["docker"] {
  const kind =
    path === null
      ? "absent"
      : /(^|\/)snap(\/|$)/.test(path)
        ? "snap"
        : /podman/i.test(`${path} ${version}`)
          ? "podman"
          : "package";
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
