import type { PythonRelease } from "./python";
import { transformersRelease } from "./transformers";
import { vllmRelease } from "./vllm";

interface PythonEngine {
  readonly product: string;
  readonly release: (version: string) => PythonRelease;
  /**
   * Memory of a host on which the build for CPUs serves a small model, in bytes, system and nginx included. Measured: a whole
   * sandbox with vLLM holds 1.5 GiB, and vLLM starts in one of 1.75; the rest is for files in the cache.
   */
  readonly cpuMemory: number;
}

const GIB = 2 ** 30;

/** The engines in Python, by their kind. */
export const PYTHON_ENGINES = {
  vllm: { product: "vLLM", release: vllmRelease, cpuMemory: 3 * GIB },
  transformers: { product: "Transformers", release: transformersRelease, cpuMemory: 2 * GIB },
} as const satisfies Readonly<Record<string, PythonEngine>>;

export type PythonEngineKind = keyof typeof PYTHON_ENGINES;

/** Memory that a host needs for the build for CPUs, in bytes: beside a large KV cache the engine and the system hold 1.5 GiB. */
export const cpuMemory = (kind: PythonEngineKind, kvCache = 0) =>
  Math.max(PYTHON_ENGINES[kind].cpuMemory, kvCache + 1.5 * GIB);
