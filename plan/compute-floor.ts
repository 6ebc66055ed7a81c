import { PYTHON_ENGINES, type PythonEngineKind } from "./catalog/python-engines";
import { compareVersions, COMPUTE_FLOOR } from "./compatibility";
import type { Engine } from "./config/schema";
import type { Refusal } from "./preflight/refusal";

/** GPUs that are too old for what a stack file asks for, by their compute capability (NVIDIA's number of a generation). */

export interface ComputeFloor {
  readonly id: string;
  readonly what: string;
  /** Lowest compute capability, e.g. `8.9`. */
  readonly compute: string;
  readonly wayOut: string;
}

/** A GPU by its name and compute capability; null where nothing tells it. */
export interface KnownGpu {
  readonly name: string;
  readonly computeCapability: string | null;
}

/**
 * vLLM's Triton attention computes with every fp8 cache from here on alone, and ends the start with an error below
 * (`v1/attention/backends/triton_attn.py` of 0.32.0). FlashAttention wants a newer GPU still, and FlashInfer compiles its
 * kernels with a CUDA toolkit, which is not there.
 */
const FP8_CACHE_FLOOR = "8.9";

const engineFloor = (kind: PythonEngineKind): ComputeFloor => ({
  id: "gpu-compute",
  what: `The GPU is older than ${PYTHON_ENGINES[kind].product} computes on`,
  compute: COMPUTE_FLOOR[kind],
  wayOut: "set engine.kind to ollama, which takes GPUs from 5.0 on; or choose a host with a newer GPU",
});

/** What the settings of an engine ask for, beyond the engine itself. */
export function settingsFloors(engine: Engine): readonly ComputeFloor[] {
  if (engine.kind !== "vllm" || engine.variant !== "cuda" || engine.kvCacheType !== "fp8") return [];
  return [
    {
      id: "gpu-fp8-cache",
      what: "engine.kvCacheType is fp8, with which vLLM does not start on this GPU",
      compute: FP8_CACHE_FLOOR,
      wayOut:
        "leave engine.kvCacheType out, which takes twice the memory per token (npm run models shows what fits); or choose a GPU of the Ada or Hopper generation, or a newer one",
    },
  ];
}

/** What an engine and its settings ask for. Ollama goes to the CPU by itself where a GPU is too old. */
export function computeFloors(engine: Engine): readonly ComputeFloor[] {
  if (engine.kind === "ollama" || engine.variant !== "cuda") return [];
  return [engineFloor(engine.kind), ...settingsFloors(engine)];
}

/** A refusal per floor that a GPU is below. One of which nothing is known is let through: the engine will say it. */
export function judgeComputeFloors(floors: readonly ComputeFloor[], gpus: readonly KnownGpu[]): Refusal[] {
  return floors.flatMap(({ id, what, compute, wayOut }) => {
    const below = gpus.filter(
      ({ computeCapability }) => computeCapability !== null && compareVersions(computeCapability, compute) < 0,
    );
    if (below.length === 0) return [];
    const found = new Set(
      below.map(({ name, computeCapability }) => `${name}, compute capability ${computeCapability}`),
    );
    return [{ id, what, found: [...found].join("; "), needed: `compute capability ${compute} or newer`, wayOut }];
  });
}
