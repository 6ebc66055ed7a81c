import type { SystemRow } from "../os";

/** NVIDIA's drivers that can be put on a host, and their packages by system. */

/**
 * Branches whose packages are known. 580 is the last one for GPUs before Turing, and what CUDA 13 asks for.
 * From 590 on Ubuntu's packages have other names (NVIDIA's driver installation guide, read 2026-11-21).
 */
export const DRIVER_BRANCHES: readonly number[] = [580];

export type DriverModules = "open" | "proprietary";

/** NVIDIA's server of packages; a mirror can stand in its place. */
const NVIDIA_REPOSITORIES = "https://developer.download.nvidia.com/compute/cuda/repos";

/** NVIDIA's signing keys, by the file that holds each (2026-11-21). */
const KEYS = {
  apt: { file: "3bf863cc.pub", fingerprint: "EB693B3035CD5710E231E123A4B469963BF863CC" },
  dnf: { file: "D42D0685.pub", fingerprint: "610C7B14E068A878070DA4E99CD0A493D42D0685" },
} as const;

export interface DriverSource {
  /** Where the packages come from: the distribution's own archive, or a repository of NVIDIA's. */
  readonly from: "distribution" | "apt" | "dnf";
  /** URL of the repository and of its key, and the key's fingerprint; absent for the distribution's own. */
  readonly repository?: { readonly url: string; readonly key: string; readonly fingerprint: string };
  /** In the order of installation. */
  readonly packages: readonly string[];
  /** What an earlier release of this project installed in their place, and leaves where it is; absent where nothing else. */
  readonly former?: readonly string[];
  /** What names of packages with signed modules begin with, before the name of a kernel or of its meta package; absent where modules are built. */
  readonly signedModules?: string;
  /** Fabric Manager's, by preference; `{branch}` is the driver's. */
  readonly fabricManager: readonly string[];
  /**
   * Headers of the running kernel, and of Oracle's own; empty where no module is built. `{kernel}` is the running kernel's
   * release, `{meta}` what follows `linux-image-` in the name of the package that brings the next ones.
   */
  readonly headers: { readonly stock: readonly string[]; readonly uek: readonly string[] };
  /** The package that brings EPEL, which has DKMS; absent where none is needed, or where the system has none to offer. */
  readonly epel?: string;
  /** Module stream of dnf. */
  readonly stream?: string;
}

export interface DriverChoice {
  readonly branch: number;
  readonly modules: DriverModules;
  /** Whether only modules that the firmware's keys have signed are loaded. */
  readonly signed: boolean;
  /** In the place of NVIDIA's server. */
  readonly mirror?: { readonly url: string; readonly key?: string | undefined } | undefined;
}

/** Whether the system has packages whose modules load under Secure Boot without a key of one's own. */
export const hasSignedModules = ({ id }: SystemRow): boolean => id === "ubuntu";

/** The packages of a driver on a system. */
export function driverSource(row: SystemRow, choice: DriverChoice): DriverSource {
  switch (row.id) {
    case "ubuntu":
      return ubuntuSource(choice);
    case "debian":
      return debianSource(row, choice);
    default:
      return rhelSource(row, choice);
  }
}

function ubuntuSource({ branch, modules, signed }: DriverChoice): DriverSource {
  const kind = `${branch}-server${modules === "open" ? "-open" : ""}`;
  const utilities = `nvidia-utils-${branch}-server`;
  return {
    from: "distribution",
    // Canonical's modules are built and signed for one kernel each; else DKMS builds them for every kernel.
    packages: signed ? [`nvidia-headless-no-dkms-${kind}`, utilities] : [`nvidia-headless-${kind}`, utilities],
    ...(signed ? { signedModules: `linux-modules-nvidia-${kind}` } : {}),
    fabricManager: ["nvidia-fabricmanager-{branch}"],
    headers: { stock: signed ? [] : debianHeaders, uek: [] },
  };
}

// The second has the next kernels' headers come along.
const debianHeaders = ["linux-headers-{kernel}", "linux-headers-{meta}"];

// The packages without the part for a desktop (X, Wayland), and the ones with it that this project took before.
const computeOnly = "nvidia-driver-cuda";
const whole = (modules: DriverModules) => (modules === "open" ? "nvidia-open" : "cuda-drivers");
const NVIDIA_FABRIC_MANAGER = ["nvidia-fabricmanager", "nvidia-fabricmanager-{branch}"];

function repository(row: SystemRow, kind: "apt" | "dnf", mirror: DriverChoice["mirror"]): DriverSource["repository"] {
  const url = `${mirror?.url ?? NVIDIA_REPOSITORIES}/${row.nvidiaRepository}/x86_64`;
  return { url, key: `${url}/${KEYS[kind].file}`, fingerprint: mirror?.key ?? KEYS[kind].fingerprint };
}

function debianSource(row: SystemRow, { branch, modules, mirror }: DriverChoice): DriverSource {
  const pinning = `nvidia-driver-pinning-${branch}`;
  return {
    from: "apt",
    repository: repository(row, "apt", mirror)!,
    // The first one pins the branch for apt, so it has to be there before the others are chosen.
    packages: [pinning, modules === "open" ? "nvidia-kernel-open-dkms" : "nvidia-kernel-dkms", computeOnly],
    former: [pinning, whole(modules)],
    fabricManager: NVIDIA_FABRIC_MANAGER,
    headers: { stock: debianHeaders, uek: [] },
  };
}

function rhelSource(row: SystemRow, { branch, modules, mirror }: DriverChoice): DriverSource {
  const epel = { ol: `oracle-epel-release-el${row.version}`, centos: "epel-release" }[row.id];
  return {
    from: "dnf",
    repository: repository(row, "dnf", mirror)!,
    packages: [modules === "open" ? "kmod-nvidia-open-dkms" : "kmod-nvidia-latest-dkms", computeOnly],
    former: [whole(modules)],
    fabricManager: NVIDIA_FABRIC_MANAGER,
    headers: { stock: ["kernel-devel-{kernel}", "kernel-headers"], uek: ["kernel-uek-devel-{kernel}"] },
    ...(epel === undefined ? {} : { epel }),
    stream: `nvidia-driver:${branch}-${modules === "open" ? "open" : "dkms"}`,
  };
}

/** First PCI device ids of two generations; ids rise with them (https://pci-ids.ucw.cz, as in gpus.yaml). */
const FIRST_TURING = 0x1e00;
const FIRST_BLACKWELL = 0x2900;

/** The kernel modules that drive a GPU, by its PCI device id; none where the id is not known. */
export function modulesOf(device: string | null): readonly DriverModules[] {
  if (device === null) return ["open", "proprietary"];
  const id = Number(device);
  if (id < FIRST_TURING) return ["proprietary"];
  return id < FIRST_BLACKWELL ? ["open", "proprietary"] : ["open"];
}
