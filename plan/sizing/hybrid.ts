import { CACHE_BYTES, type CacheType, type SizedModel } from "./arithmetic";

/**
 * Models of which some layers keep a state of fixed size per request in the place of keys and values per token. vLLM
 * divides the cache into blocks that hold either: of as many layers as the rarer kind has, each the state of one layer, or
 * the keys and values of as many tokens as come to that size. It refuses to start where there are fewer blocks than requests
 * at the same time. Read in vLLM 0.32.0: `_get_kv_cache_groups_uniform_page_size` in `v1/core/kv_cache_utils.py`,
 * `platforms/interface.py`, `config/compilation.py`.
 */

/** vLLM's blocks of a cache hold a multiple of so many tokens. */
const TOKEN_STEP = 16;

interface Hybrid {
  readonly cachingLayers: number;
  readonly linear: NonNullable<SizedModel["shape"]["linear"]>;
}

const isHybrid = (shape: SizedModel["shape"]): shape is SizedModel["shape"] & Hybrid =>
  shape.linear !== undefined && shape.cachingLayers !== undefined;

/** Bytes of one layer's state: the matrices of its heads in 32 bits, and the last inputs of its convolution in 16. */
function stateOfLayer({ keyHeads, keySize, valueHeads, valueSize, kernel }: Hybrid["linear"]): number {
  const convolved = 2 * keyHeads * keySize + valueHeads * valueSize;
  return 4 * valueHeads * keySize * valueSize + 2 * convolved * (kernel - 1);
}

/**
 * Requests at the same time that vLLM starts with at most; undefined where the model sets no such bound.
 * @param bytes of the cache on one of `parts` GPUs
 */
export function mostRequests(
  { shape }: Pick<SizedModel, "shape">,
  {
    parts,
    bytes,
    cacheType = "f16",
  }: { readonly parts: number; readonly bytes: number; readonly cacheType?: CacheType },
): number | undefined {
  if (!isHybrid(shape)) return undefined;
  const { layers, cachingLayers, kvHeads, headSize } = shape;
  const token = 2 * Math.ceil(kvHeads / parts) * headSize * CACHE_BYTES[cacheType];
  const tokens = Math.ceil(stateOfLayer(shape.linear) / parts / token / TOKEN_STEP) * TOKEN_STEP;
  const ofEachKind = Math.min(cachingLayers, layers - cachingLayers);
  return Math.max(0, Math.floor(bytes / (ofEachKind * tokens * token)));
}
