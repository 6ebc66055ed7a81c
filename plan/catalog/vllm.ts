import type { PythonRelease } from "./python";

/** vLLM as it can be put on a host: releases with what they need, and the flags that the plan sets, by version. */

/** Newest first. A release has its lock files in `templates/vllm/<version>-<variant>.txt`. */
const RELEASES: Readonly<Record<string, PythonRelease>> = {
  "0.32.0": {
    source: "https://pypi.org/project/vllm/0.32.0/",
    date: "2026-11-21",
    python: { cuda: { series: "3.12", managed: "3.12.16" }, cpu: { series: "3.11" } },
    minimumDriver: 580,
    locks: [
      { name: "cuda", variant: "cuda", architecture: "amd64", minimumGlibc: "2.34" },
      // For release 8 of RHEL's family: the same but for llguidance 1.6.0, the last with a wheel for it, and an older build of cryptography.
      { name: "cuda-glibc2.28", variant: "cuda", architecture: "amd64", minimumGlibc: "2.28" },
      // tilelang has no wheel for an older one.
      { name: "cuda-arm64", variant: "cuda", architecture: "arm64", minimumGlibc: "2.34" },
      { name: "cpu", variant: "cpu", architecture: "amd64", minimumGlibc: "2.34" },
    ],
    installedBytes: { cuda: 12 * 2 ** 30, cpu: 2.5 * 2 ** 30 },
  },
};

export const VLLM_VERSIONS = Object.keys(RELEASES);

/** @throws for a version that the catalogue does not have; the configuration refuses it before */
export function vllmRelease(version: string): PythonRelease {
  const release = RELEASES[version];
  if (release === undefined) throw new Error(`the catalogue has no vLLM ${version}`);
  return release;
}

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
