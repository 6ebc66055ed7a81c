/** Engines in Python: what is known of each of their releases, and the installer that puts them on a host. */

/** `cuda`: for GPUs. `cpu`: for hosts without one. */
export type PythonVariant = "cuda" | "cpu";

export interface PythonRelease {
  /** Where it is published, and when this entry was written. */
  readonly source: string;
  readonly date: string;
  /** Python that the lock file was resolved for; a full version is one that the pinned uv can fetch. */
  readonly python: Readonly<Record<PythonVariant, { readonly series: string; readonly managed?: string }>>;
  /** Lowest branch of the NVIDIA driver: the wheels are built for CUDA 13. */
  readonly minimumDriver: number;
  /**
   * Lowest GNU C library that takes every wheel of the lock file for GPUs: the highest `manylinux_2_*` among their tags. uv
   * tells, without installing: `uv pip install --dry-run --require-hashes --only-binary :all: --python-platform
   * x86_64-manylinux_2_28`.
   */
  readonly minimumGlibc: string;
  /**
   * What the files weigh once installed, in bytes; measured (cpu) or added up from the wheels' own lists (cuda). Installing
   * takes 1 % more for a while, as measured: uv links the files from its cache, which is on the same disk.
   */
  readonly installedBytes: Readonly<Record<PythonVariant, number>>;
}

/** The installer, from PyPI: it checks every wheel against the lock file and fetches Python where the host has none. */
export const UV = {
  version: "0.13.8",
  url: "https://files.pythonhosted.org/packages/c5/32/52ee34636aea1ab3f8baeeae1c3599461b8cddfb379862cc72ac61b8d91c/uv-0.13.8-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
  sha256: "e18a57b8b352eb7c8feb317b9f6f533c8f0ad9673fd6cf34bbe3cf1a9f6a8984",
} as const;
