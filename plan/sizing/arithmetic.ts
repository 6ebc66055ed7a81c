import { bitsPerWeight, type CatalogModel, type Quantization } from "../catalog/models";
import { compareVersions } from "../compatibility";
import type { Engine } from "../config/schema";

/** How much memory a model needs: weights + cache × tokens + the engine's own. Arithmetic alone; bytes throughout. */

const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** A catalogue model whose shape has been verified, so that its need can be computed. */
export interface SizedModel extends CatalogModel {
  readonly parameters: number;
  readonly shape: NonNullable<CatalogModel["shape"]>;
}

/** Whether `auto` may be computed from the entry. */
export function isSizable(model: CatalogModel): model is SizedModel {
  return (
    model.shape !== undefined &&
    model.parameters !== undefined &&
    !model.unverified.includes("shape") &&
    !model.unverified.includes("context")
  );
}

// llama.cpp keeps a shared embedding matrix at least as fine as Q6_K, whatever the rest is quantized to.
const TIED_EMBEDDING_BITS = 6.5625;

/**
 * Size of the weights, as a file and in memory. A publisher's own number is taken where it was verified; the larger of
 * the two where it was not.
 */
export function weightBytes(model: CatalogModel, quantization: Quantization): number {
  const bits = bitsPerWeight(quantization);
  const parameters = (model.parameters ?? 0) * 1e9;
  const embedding = model.shape?.tiedEmbeddings ? model.shape.vocabulary * model.shape.hidden : 0;
  const computed = Math.ceil(
    ((parameters - embedding) * bits + embedding * Math.max(bits, Math.min(16, TIED_EMBEDDING_BITS))) / 8,
  );
  const stated = model.sizes[quantization];
  if (stated === undefined) return computed;
  return model.unverified.includes("sizes") ? Math.max(stated, computed) : stated;
}

/** Bytes of one number in the cache. */
export const CACHE_BYTES = { f16: 2, q8_0: 34 / 32, q4_0: 18 / 32, fp8: 1 } as const;
export type CacheType = keyof typeof CACHE_BYTES;

/** Keys and values of one token: 2 × layers × kv heads × head size × bytes per element. */
export function cacheBytesPerToken({ shape }: SizedModel, type: CacheType = "f16"): number {
  const { layers, cachingLayers = layers, kvHeads, headSize } = shape;
  return 2 * cachingLayers * kvHeads * headSize * CACHE_BYTES[type];
}

export interface Load {
  readonly model: SizedModel;
  readonly quantization: Quantization;
  /** Tokens per request. */
  readonly context: number;
  /** Requests at the same time, each with a whole context. */
  readonly parallel: number;
  readonly cacheType?: CacheType;
}

export interface Need {
  readonly weights: number;
  readonly cache: number;
  readonly total: number;
}

/** What one loaded model holds, without the engine's own. */
export function loadNeed({ model, quantization, context, parallel, cacheType }: Load): Need {
  const weights = weightBytes(model, quantization);
  const cache = Math.ceil(parallel * (context * cacheBytesPerToken(model, cacheType) + (model.shape.state ?? 0)));
  return { weights, cache, total: weights + cache };
}

/**
 * What an engine takes beside weights and cache: CUDA's context and the buffers of a computation, per GPU; on the CPU
 * the buffers alone. vLLM's is the upper end of the 1.5 to 2 GiB that its users report.
 */
export const ENGINE_OVERHEAD = {
  ollama: { gpu: 1.5 * GIB, cpu: 512 * MIB },
  vllm: { gpu: 2 * GIB, cpu: 2 * GIB },
  // CUDA's context and cuBLAS; a request's activations are beside them. On the CPU: Python and torch, measured.
  transformers: { gpu: 1.5 * GIB, cpu: 0.5 * GIB },
} as const;

/**
 * Since then Ollama runs GGUF files by llama-server, which puts on a GPU what leaves so much of it free, whatever the GPU's
 * size, and the rest on the CPU: `fit_params_target` in llama.cpp's `common/common.h`, which Ollama leaves as it is. On a card
 * of 16,303 MiB that came to 14,300 MiB in use and 5 % on the CPU (ollama/ollama#16725). Before, Ollama kept 457 MiB and the
 * buffers of the computation free, which the 1.5 GiB cover.
 */
const FIT_MARGIN = { since: "0.30.0", bytes: GIB } as const;

/** The overhead of an engine's release. */
export function engineOverhead({ kind, version }: Pick<Engine, "kind" | "version">): { gpu: number; cpu: number } {
  const { gpu, cpu } = ENGINE_OVERHEAD[kind];
  const fits = kind === "ollama" && compareVersions(version, FIT_MARGIN.since) >= 0;
  return { gpu: gpu + (fits ? FIT_MARGIN.bytes : 0), cpu };
}

/** Contexts that `auto` chooses among, longest first: coarse, so that a small change of a host gives the same plan. */
const CONTEXTS = [256, 192, 128, 96, 64, 48, 32, 24, 16, 12, 8, 6, 4, 2].map((kibi) => kibi * 1024);

/** Contexts at most as long as the model was trained for, longest first. */
export function contextChoices({ context }: Pick<CatalogModel, "context">): readonly number[] {
  return CONTEXTS.filter((choice) => choice <= context);
}

/** The longest context of a model that fits into `bytes`, or undefined where not even the shortest does. */
export function longestContext(load: Omit<Load, "context">, bytes: number): number | undefined {
  return contextChoices(load.model).find((context) => loadNeed({ ...load, context }).total <= bytes);
}

/** Over how many of `gpus` equal GPUs a model can be split evenly, fewest first: its heads must divide. */
export function tensorParallelChoices({ shape }: SizedModel, gpus: number): readonly number[] {
  const { heads, kvHeads } = shape;
  return Array.from({ length: gpus }, (_, index) => index + 1).filter(
    (parts) => heads % parts === 0 && (kvHeads % parts === 0 || parts % kvHeads === 0),
  );
}
