import type { VllmEngine } from "../config/schema";
import { PlanRefused, type Refusal } from "../preflight/refusal";
import { formatTokens } from "../config/units";
import { atLeast, atMost } from "../preflight/sizes";
import { tensorParallelChoices, weightBytes } from "./arithmetic";
import { migWays } from "./engine-gpus";
import type { Candidate } from "./resolved";
import {
  chooseVllm,
  DRIVER_RESERVE,
  mostPercent,
  shareOfGpu,
  type VllmGpu,
  type VllmNumbers,
  type VllmWanted,
} from "./vllm";
import { permissiveModels } from "./ways-out";

/** Numbers for vLLM, or the refusal of a model that GPUs cannot hold. */

/** @throws PlanRefused with what would fit */
export function vllmNumbers(
  engine: VllmEngine,
  { model, match }: Candidate,
  gpus: readonly VllmGpu[],
  stack: string,
): VllmNumbers | undefined {
  const { parallel, tensorParallel, gpuMemoryPercent, kvCacheMemory } = engine;
  if (gpuMemoryPercent !== "auto" && gpus.some(({ shared }) => shared) && gpuMemoryPercent > mostPercent(gpus))
    throw new PlanRefused(stack, [takesTheHosts(gpuMemoryPercent, gpus)]);
  if (!match) return undefined;
  const wanted: VllmWanted = {
    model: match.model,
    quantization: match.quantization,
    cacheType: match.cacheType,
    context: model.context,
    parallel,
    tensorParallel,
    gpuMemoryPercent,
    ...(kvCacheMemory === undefined ? {} : { kvCacheMemory }),
  };
  const splits = tensorParallelChoices(match.model, gpus.length);
  if (tensorParallel !== "auto" && !splits.includes(tensorParallel))
    throw new PlanRefused(stack, [unevenSplit(tensorParallel, splits, match.model, gpus)]);
  const chosen = chooseVllm(wanted, gpus);
  if (chosen) return chosen;
  const most = chooseVllm({ ...wanted, parallel: "auto" }, gpus)?.mostParallel;
  if (parallel !== "auto" && most !== undefined)
    throw new PlanRefused(stack, [tooManyRequests(parallel, most, wanted)]);
  throw new PlanRefused(stack, [tooSmall(model.name, wanted, gpus, engine.gpus ?? [...gpus.keys()])]);
}

/** What vLLM takes of a memory that the GPU shares is missing to the system. */
function takesTheHosts(percent: number, gpus: readonly VllmGpu[]): Refusal {
  const most = mostPercent(gpus);
  return {
    id: "memory-shared",
    what: `engine.gpuMemoryPercent is ${percent}, of a memory that the GPU shares with the host`,
    found: gpus.map(gpuWords).join(", "),
    needed: `at most ${most}; the rest is for the system and vLLM's own processes, without which the host stands still`,
    wayOut: `set engine.gpuMemoryPercent to ${most}, or to auto`,
  };
}

function gpuWords({ name, memory, shared, heldByOthers }: VllmGpu): string {
  const held = heldByOthers > 0 ? `, of which others hold ${atLeast(heldByOthers)}` : "";
  return `${name} with ${atMost(memory)}${shared ? " that it shares with the host" : ""}${held}`;
}

function unevenSplit(
  asked: number,
  splits: readonly number[],
  { id, shape }: VllmWanted["model"],
  gpus: readonly VllmGpu[],
): Refusal {
  return {
    id: "tensor-parallel",
    what: `engine.tensorParallel is ${asked}, over which ${id} cannot be split on this host`,
    found: `${gpus.length === 1 ? "1 GPU" : `${gpus.length} GPUs`} for the engine; the model has ${shape.heads} attention heads and ${shape.kvHeads} for keys and values`,
    needed: "at most as many parts as there are GPUs, each with the same number of heads",
    wayOut: `set engine.tensorParallel to ${splits.join(" or ")}, or to auto`,
  };
}

function tooManyRequests(asked: number, most: number, { model }: VllmWanted): Refusal {
  return {
    id: "parallel",
    what: `engine.parallel is ${asked}, with which vLLM does not start: the memory has room for the state of fewer requests`,
    found: `${model.id}, of which each request keeps a state beside its tokens; the cache has ${most} blocks for it`,
    needed: `engine.parallel of at most ${most} on this host`,
    wayOut: `set engine.parallel to ${most} or less, or to auto; or give the cache more memory (engine.gpuMemoryPercent, engine.kvCacheMemory, engine.tensorParallel)`,
  };
}

/** @param numbers what nvidia-smi calls each of the GPUs */
function tooSmall(name: string, wanted: VllmWanted, gpus: readonly VllmGpu[], numbers: readonly number[]): Refusal {
  const { model, quantization, context, tensorParallel } = wanted;
  const parts = tensorParallel === "auto" ? 1 : tensorParallel;
  const share = shareOfGpu(wanted, parts);
  const length = context === "auto" ? undefined : context;
  const cache =
    length === undefined
      ? ""
      : ` and ${atLeast(length * share.cachePerToken)} of cache for one request of ${formatTokens(length)} tokens`;
  const each = parts > 1 ? ` on each of ${parts} GPUs` : "";
  return {
    id: "memory",
    what: `${name} does not fit into the GPU's memory as the stack file asks`,
    found: gpus.map(gpuWords).join(", "),
    needed: `${name} (${model.id} at ${quantization}): ${atLeast(share.weights)} of weights${cache}${each}, 2 GiB for vLLM itself, in ${wanted.gpuMemoryPercent === "auto" ? `at most ${mostPercent(gpus)}` : wanted.gpuMemoryPercent} % of a GPU less ${atLeast(DRIVER_RESERVE)} for its driver`,
    wayOut: [
      ...ways(wanted, gpus, numbers),
      ...migWays(gpus),
      "choose a host with more memory per GPU, or more GPUs",
    ].join("; or "),
  };
}

/** Those of them that others hold least of, as many as the model is split over; nothing where that is all. */
function freest(wanted: VllmWanted, gpus: readonly VllmGpu[]): readonly number[] {
  const parts = wanted.tensorParallel === "auto" ? 1 : wanted.tensorParallel;
  const places = [...gpus.keys()].sort((one, other) => gpus[one]!.heldByOthers - gpus[other]!.heldByOthers);
  return places.length > parts ? places.slice(0, parts) : [];
}

function ways(wanted: VllmWanted, gpus: readonly VllmGpu[], numbers: readonly number[]): string[] {
  const apart = freest(wanted, gpus);
  const alone =
    apart.length > 0 &&
    chooseVllm(
      wanted,
      apart.map((place) => gpus[place]!),
    );
  const shorter = chooseVllm({ ...wanted, context: "auto" }, gpus);
  const split = chooseVllm({ ...wanted, tensorParallel: "auto" }, gpus);
  const fuller = chooseVllm({ ...wanted, gpuMemoryPercent: "auto" }, gpus);
  const fits = [
    ...(alone ? [`engine.gpus [${apart.map((place) => numbers[place]!).join(", ")}]`] : []),
    ...(shorter && wanted.context !== "auto" ? [`context ${formatTokens(shorter.context)}`] : []),
    ...(split && wanted.tensorParallel !== "auto" ? [`engine.tensorParallel ${split.tensorParallel}`] : []),
    ...(fuller && wanted.gpuMemoryPercent !== "auto" ? [`engine.gpuMemoryPercent ${fuller.gpuMemoryPercent}`] : []),
  ];
  const others = permissiveModels(
    wanted.model,
    (model) => model.huggingFace !== undefined && chooseVllm({ ...wanted, model }, gpus) !== undefined,
  );
  const quantized = weightBytes(wanted.model, "Q4_K_M");
  return [
    ...(fits.length === 0 ? [] : [`fits: ${fits.join(", or ")}`]),
    ...(others.length === 0 ? [] : [`choose another model: ${others.map(({ id }) => id).join(", ")}`]),
    `set engine.kind to ollama, which runs it quantized (Q4_K_M: ${atLeast(quantized)} of weights)`,
  ];
}
