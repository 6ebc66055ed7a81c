import type { PythonRelease } from "./python";
import { transformersRelease } from "./transformers";
import { vllmRelease } from "./vllm";

interface PythonEngine {
  readonly product: string;
  readonly release: (version: string) => PythonRelease;
  /**
   * Memory of a host on which the build for CPUs serves a small model, in bytes, system and nginx included. Measured: a whole
   * sandbox with vLLM holds 1.5 GiB and starts in 1.75; what is above that is for the cache of files, which start faster.
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

/** What vLLM's KV cache on a CPU gets without a word of the stack file, in bytes; part of its `cpuMemory`. */
export const CPU_KV_CACHE = GIB / 4;

/** Memory that a host needs for the build for CPUs, in bytes; a larger cache comes on top. */
export const cpuMemory = (kind: PythonEngineKind, kvCache = CPU_KV_CACHE) =>
  PYTHON_ENGINES[kind].cpuMemory + Math.max(0, kvCache - CPU_KV_CACHE);
