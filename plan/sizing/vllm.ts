import type { Quantization } from "../catalog/models";
import type { HostGpu } from "../host-facts";
import {
  CACHE_BYTES,
  contextChoices,
  ENGINE_OVERHEAD,
  tensorParallelChoices,
  weightBytes,
  type CacheType,
  type SizedModel,
} from "./arithmetic";
import { mostRequests } from "./hybrid";

/**
 * How vLLM fills GPUs: it takes a fixed part of each, puts its share of the weights there, and all requests draw tokens
 * from what is left. So the cache must hold one whole context, while more requests make no demand of their own.
 */

export interface VllmWanted {
  readonly model: SizedModel;
  readonly quantization: Quantization;
  /** Default: f16. */
  readonly cacheType?: CacheType;
  readonly context: number | "auto";
  readonly parallel: number | "auto";
  /** GPUs that share the model. */
  readonly tensorParallel: number | "auto";
  /** Per cent of each GPU's memory. */
  readonly gpuMemoryPercent: number | "auto";
  /** Bytes of each GPU for the cache; with it the part of the GPU says nothing. */
  readonly kvCacheMemory?: number;
}

export interface VllmNumbers {
  readonly context: number;
  readonly parallel: number;
  readonly tensorParallel: number;
  readonly gpuMemoryPercent: number;
  /** Tokens that all requests together have room for. */
  readonly tokens: number;
  /** Requests at the same time that vLLM starts with at most, where the model's kind sets a bound. */
  readonly mostParallel?: number;
}

/**
 * What the driver keeps of a GPU for itself: nvidia-smi counts it, CUDA does not, and vLLM takes its part of what CUDA shows.
 * An RTX 4090 has 24,564 MiB to nvidia-smi and 23.55 GiB to vLLM (vllm-project/vllm#13061), an RTX 5090 32,607 MiB and
 * 31.37 GiB, an H100 81,559 MiB and 79.11 GiB: 450 to 550 MiB.
 */
export const DRIVER_RESERVE = 512 * 2 ** 20;

/** A GPU as vLLM divides it. */
export interface VllmGpu extends HostGpu {
  readonly memory: number;
  /** Whether it is the host's own memory, as on a GB10. */
  readonly shared: boolean;
}

export const vllmGpus = ({
  gpus,
  memory,
}: {
  readonly gpus: readonly HostGpu[];
  readonly memory: number;
}): readonly VllmGpu[] => gpus.map((gpu) => ({ ...gpu, memory: gpu.memory ?? memory, shared: gpu.memory === null }));

/** vLLM's own default of `--gpu-memory-utilization`. */
export const USUAL_PERCENT = 92;
/** The most that published recipes take of a GB10's memory; the rest is the system's and that of vLLM's own processes. */
const SHARED_PERCENT = 82;

/** Per cent of a GPU that `auto` has vLLM take, where nobody else holds any of it. */
export const mostPercent = (gpus: readonly VllmGpu[]): number =>
  gpus.some(({ shared }) => shared) ? SHARED_PERCENT : USUAL_PERCENT;
/** vLLM's own default of `--max-num-seqs`. */
const MOST_PARALLEL = 256;
/** `auto` expects requests to fill this part of a context, on average. */
const USUAL_FILL = 1 / 4;

/** Bytes that one GPU of several holds; heads that don't go round are on more than one. */
export function shareOfGpu(
  { model, quantization, cacheType = "f16" }: Pick<VllmWanted, "model" | "quantization" | "cacheType">,
  parts: number,
): { readonly weights: number; readonly cachePerToken: number } {
  const { layers, cachingLayers = layers, kvHeads, headSize } = model.shape;
  return {
    weights: Math.ceil(weightBytes(model, quantization) / parts),
    cachePerToken: 2 * cachingLayers * Math.ceil(kvHeads / parts) * headSize * CACHE_BYTES[cacheType],
  };
}

/** Bytes of the fullest GPU that nobody else holds, and the part of it that they are. */
function freeMemory(gpus: readonly VllmGpu[]): { readonly bytes: number; readonly share: number } {
  const free = gpus.map(({ memory, heldByOthers }) => memory - heldByOthers);
  const shares = gpus.map(({ memory, heldByOthers }) => (memory > 0 ? (memory - heldByOthers) / memory : 0));
  return { bytes: Math.min(...free), share: Math.min(...shares) };
}

type Cached = Pick<VllmWanted, "model" | "quantization" | "cacheType" | "kvCacheMemory">;

/** A part of equal GPUs. */
interface Part {
  /** GPUs that share the model. */
  readonly parts: number;
  readonly percent: number;
  /** Bytes of one GPU, of which vLLM takes `percent`; where the cache's size is written, those that are free. */
  readonly memory: number;
}

/** What a split of the model leaves for the cache of one GPU, in bytes; negative where not even the weights fit. */
function bytesOfCache(wanted: Cached, { parts, percent, memory }: Part): number {
  const { kvCacheMemory } = wanted;
  const usable = memory - DRIVER_RESERVE;
  const taken = kvCacheMemory === undefined ? (usable * percent) / 100 : usable;
  const left = taken - ENGINE_OVERHEAD.vllm.gpu - shareOfGpu(wanted, parts).weights;
  if (kvCacheMemory === undefined) return left;
  return kvCacheMemory > left ? -1 : kvCacheMemory;
}

/** The same in tokens. */
export function tokensOfCache(wanted: Cached, part: Part): number {
  const bytes = bytesOfCache(wanted, part) - (wanted.model.shape.state ?? 0);
  return Math.floor(bytes / shareOfGpu(wanted, part.parts).cachePerToken);
}

/**
 * The numbers for what is left on `auto`; undefined where one request of the wanted context, or of the shortest, does
 * not fit, or where vLLM would not start with so many. The fewest GPUs are taken with which one request of the longest
 * context fits.
 */
export function chooseVllm(wanted: VllmWanted, gpus: readonly VllmGpu[]): VllmNumbers | undefined {
  const free = freeMemory(gpus);
  const percent =
    wanted.gpuMemoryPercent === "auto" ? Math.floor(free.share * mostPercent(gpus)) : wanted.gpuMemoryPercent;
  // vLLM refuses to start where others hold some of what it is told to take, also where the cache's size is written.
  if (percent > free.share * 100) return undefined;
  const memory = wanted.kvCacheMemory === undefined ? Math.min(...gpus.map((gpu) => gpu.memory)) : free.bytes;
  const splits =
    wanted.tensorParallel === "auto" ? tensorParallelChoices(wanted.model, gpus.length) : [wanted.tensorParallel];
  const contexts = wanted.context === "auto" ? contextChoices(wanted.model) : [wanted.context];
  for (const context of contexts) {
    for (const parts of splits) {
      const part = { parts, percent, memory };
      const tokens = tokensOfCache(wanted, part);
      if (tokens < context) continue;
      const usual = Math.floor(tokens / (context * USUAL_FILL));
      const most = mostRequests(wanted.model, { ...wanted, parts, bytes: bytesOfCache(wanted, part) });
      const parallel =
        wanted.parallel === "auto"
          ? Math.max(1, Math.min(usual, most ?? MOST_PARALLEL, MOST_PARALLEL))
          : wanted.parallel;
      if (most !== undefined && parallel > most) continue;
      return {
        context,
        parallel,
        tensorParallel: parts,
        gpuMemoryPercent: percent,
        tokens,
        ...(most === undefined ? {} : { mostParallel: most }),
      };
    }
  }
  return undefined;
}
