/** The systems that are known: an operating system is a row. */

export interface SystemRow {
  /** As ID in /etc/os-release. */
  readonly id: string;
  /** VERSION_ID, or the part of it before the dot: a minor release of an enterprise system is the same row. */
  readonly version: string;
  readonly name: string;
  readonly family: "debian" | "rhel";
  /** Folder of NVIDIA's repository, below developer.download.nvidia.com/compute/cuda/repos. */
  readonly nvidiaRepository: string;
  /** The packages with which a driver's module is built; `$(uname -r)` stands for the running kernel. */
  readonly headers: { readonly stock: string; readonly uek?: string };
  /** Major release of the system's own gcc, where some of its kernels are built by a newer one; absent elsewhere. */
  readonly gcc?: number;
  /** How a driver of branch 580 gets there, as one line for people. */
  readonly driver: string;
}

const debianHeaders = { stock: "linux-headers-$(uname -r)" };
const rhelHeaders = { stock: "kernel-devel-$(uname -r) kernel-headers" };
const ubuntuDriver = "apt-get install nvidia-headless-580-server-open nvidia-utils-580-server";
/** By release of the family; a newer one is in its gcc-toolset packages. */
const RHEL_GCC = { "8": 8, "9": 11 } as const;
const rhelDriver = (repository: string) =>
  `dnf config-manager --add-repo https://developer.download.nvidia.com/compute/cuda/repos/${repository}/x86_64/cuda-${repository}.repo, enable EPEL, dnf module enable nvidia-driver:580-open, dnf install kmod-nvidia-open-dkms nvidia-driver-cuda`;

/** The allow-list. What is not in it is refused before anything is changed. */
export const SYSTEMS: readonly SystemRow[] = [
  {
    id: "debian",
    version: "12",
    name: "Debian 12",
    family: "debian",
    nvidiaRepository: "debian12",
    headers: debianHeaders,
    // The distribution's own driver is 535, too old for Ollama and for CUDA 13.
    driver:
      "add contrib and NVIDIA's repository debian12 (cuda-keyring_1.1-1_all.deb), then apt-get install nvidia-driver-pinning-580 nvidia-kernel-open-dkms nvidia-driver-cuda",
  },
  {
    id: "ubuntu",
    version: "22.04",
    name: "Ubuntu 22.04",
    family: "debian",
    nvidiaRepository: "ubuntu2204",
    headers: debianHeaders,
    driver: ubuntuDriver,
  },
  {
    id: "ubuntu",
    version: "24.04",
    name: "Ubuntu 24.04",
    family: "debian",
    nvidiaRepository: "ubuntu2404",
    headers: debianHeaders,
    driver: ubuntuDriver,
  },
  ...(["8", "9"] as const).flatMap((version) => [
    {
      id: "ol",
      version,
      gcc: RHEL_GCC[version],
      name: `Oracle Linux ${version}`,
      family: "rhel" as const,
      nvidiaRepository: `rhel${version}`,
      headers: { ...rhelHeaders, uek: "kernel-uek-devel-$(uname -r)" },
      driver: rhelDriver(`rhel${version}`),
    },
    {
      id: "rhel",
      version,
      gcc: RHEL_GCC[version],
      name: `RHEL ${version}`,
      family: "rhel" as const,
      nvidiaRepository: `rhel${version}`,
      headers: rhelHeaders,
      driver: rhelDriver(`rhel${version}`),
    },
  ]),
  {
    id: "centos",
    version: "9",
    gcc: RHEL_GCC["9"],
    name: "CentOS Stream 9",
    family: "rhel",
    nvidiaRepository: "rhel9",
    headers: rhelHeaders,
    // The branch's stream too has its modules built on the host: precompiled ones lag behind these kernels.
    driver: rhelDriver("rhel9"),
  },
];

/** The row of a host's system, or undefined where the allow-list has none. */
export function systemRow({ id, version }: { readonly id: string; readonly version: string }): SystemRow | undefined {
  return SYSTEMS.find((row) => row.id === id && (row.version === version || row.version === version.split(".")[0]));
}

/** How a driver of branch 580 gets onto a host of the system, for people. */
export const driverLine = ({ driver }: SystemRow, architecture: string): string =>
  // NVIDIA's word for servers with 64-bit Arm.
  architecture === "arm64" ? driver.replaceAll("/x86_64/", "/sbsa/") : driver;

/** Oracle's own kernel, by its release: `5.15.0-300.163.18.el8uek.x86_64`. */
export const isUek = (kernel: string): boolean => /uek(\.|$)/.test(kernel);

/** The packages with which a module is built for the running kernel. */
export function headerPackages(row: SystemRow, kernel: string): string {
  return isUek(kernel) ? (row.headers.uek ?? row.headers.stock) : row.headers.stock;
}
