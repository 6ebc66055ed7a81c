/** Engines in Python: what is known of each of their releases, and the installer that puts them on a host. */

/** `cuda`: for GPUs. `cpu`: for hosts without one. */
export type PythonVariant = "cuda" | "cpu";

/** Debian's words for the architectures that wheels are taken for. */
export type PythonArchitecture = "amd64" | "arm64";

/** A lock file, and the hosts that take it. */
export interface PythonLock {
  /** `templates/<engine>/<version>-<name>.txt`. */
  readonly name: string;
  readonly variant: PythonVariant;
  readonly architecture: PythonArchitecture;
  /** Lowest GNU C library that takes every wheel of it, by their tags: `toolchain/python/lock.py` prints it. */
  readonly minimumGlibc: string;
}

export interface PythonRelease {
  /** Where it is published, and when this entry was written. */
  readonly source: string;
  readonly date: string;
  /** Python that the lock file was resolved for; a full version is one that the pinned uv can fetch. */
  readonly python: Readonly<Record<PythonVariant, { readonly series: string; readonly managed?: string }>>;
  /** Lowest branch of the NVIDIA driver: the wheels are built for CUDA 13. */
  readonly minimumDriver: number;
  /** In the order of preference; the first of a variant is planned for a host that nobody has measured. */
  readonly locks: readonly PythonLock[];
  /**
   * What the files weigh once installed, in bytes; measured (cpu) or added up from the wheels' own lists (cuda). Installing
   * takes 1 % more for a while, as measured: uv links the files from its cache, which is on the same disk.
   */
  readonly installedBytes: Readonly<Record<PythonVariant, number>>;
}

/** The installer, from PyPI: it checks every wheel against the lock file and fetches Python where the host has none. */
export const UV = {
  version: "0.13.8",
  wheels: {
    amd64: {
      url: "https://files.pythonhosted.org/packages/c5/32/52ee34636aea1ab3f8baeeae1c3599461b8cddfb379862cc72ac61b8d91c/uv-0.13.8-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
      sha256: "e18a57b8b352eb7c8feb317b9f6f533c8f0ad9673fd6cf34bbe3cf1a9f6a8984",
    },
    arm64: {
      url: "https://files.pythonhosted.org/packages/9e/f0/d989ac5fcebf83f1c8c5d78974f27788e8364945969eb646f5d0db35d924/uv-0.13.8-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64.whl",
      sha256: "0b3e8b1a4f5e405e31e2ff33de8af4744831e9f7338539671efbd8c3c94e791d",
    },
  },
} as const satisfies {
  readonly version: string;
  readonly wheels: Readonly<Record<PythonArchitecture, { readonly url: string; readonly sha256: string }>>;
};
