import { stringify } from "yaml";
import { knowsFlag, type VllmFlag } from "../catalog/vllm";
import type { ResolvedModel, ResolvedVllm } from "../sizing/resolved";
import { engineSocket } from "./served-folder";

/** The settings of `vllm serve --config`. */

/** What the KV cache of a CPU gets without a word of the stack file. */
const CPU_KV_CACHE_BYTES = 256 * 2 ** 20;

/** Seconds of silence after which a stream carries a comment, so that a dead client is noticed. */
const KEEP_ALIVE_SECONDS = 15;

function memoryFlags({ variant, kvCacheMemory, kvCacheType, gpuMemoryPercent, tensorParallel }: ResolvedVllm) {
  const kvCache = kvCacheMemory ?? (variant === "cpu" ? CPU_KV_CACHE_BYTES : undefined);
  return {
    ...(kvCache === undefined ? {} : { "kv-cache-memory-bytes": kvCache }),
    ...(kvCacheType === "default" ? {} : { "kv-cache-dtype": kvCacheType }),
    // On a CPU it would be a part of the whole machine's memory.
    ...(variant === "cpu"
      ? { "enforce-eager": true }
      : { "gpu-memory-utilization": gpuMemoryPercent / 100, "tensor-parallel-size": tensorParallel }),
  };
}

/**
 * The text of the file. No host and port: the engine is behind a Unix socket.
 * @param folder where the weights lie on the host
 */
export function vllmConfig(engine: ResolvedVllm, model: ResolvedModel, folder: string): string {
  const settings: Readonly<Partial<Record<VllmFlag, unknown>>> = {
    model: folder,
    "served-model-name": [model.name],
    uds: engineSocket("vllm"),
    // On CPUs without bfloat16 the checkpoint's own type ends the engine's core at the first request.
    ...(engine.variant === "cpu" ? { dtype: "float32" } : engine.dtype ? { dtype: engine.dtype } : {}),
    "max-model-len": model.context,
    "max-num-seqs": engine.parallel,
    // It counts those that run, too.
    "max-num-queued-reqs": engine.parallel + engine.queue,
    "shutdown-timeout": Math.ceil(engine.drain),
    ...memoryFlags(engine),
    "disable-fastapi-docs": true,
    // nginx writes the access log.
    "disable-uvicorn-access-log": true,
    "uvicorn-log-level": "warning",
    "sse-keep-alive-interval": KEEP_ALIVE_SECONDS,
  };
  const known = Object.entries(settings).filter(([flag]) => knowsFlag(engine.version, flag as VllmFlag));
  return stringify(Object.fromEntries(known));
}
