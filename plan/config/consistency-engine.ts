import { findModel } from "../catalog/models";
import { cpuMemory } from "../catalog/python-engines";
import type { LocatedFault } from "./faults";
import type { KnownConfig } from "./known";
import { folderSourceFaults, ollamaSourceFaults } from "./consistency-source";
import { pinnedRepository } from "./model-source";
import { formatSize } from "./units";

type KnownModel = NonNullable<NonNullable<KnownConfig["models"]>[number]>;
type KnownOllama = Extract<NonNullable<KnownConfig["engine"]>, { readonly kind?: "ollama" | undefined }>;
type KnownVllm = Extract<NonNullable<KnownConfig["engine"]>, { readonly kind?: "vllm" | undefined }>;
type KnownTransformers = Extract<NonNullable<KnownConfig["engine"]>, { readonly kind?: "transformers" | undefined }>;

/** What the engine and the rest of the stack file get wrong together. */
export function engineFaults(config: KnownConfig): LocatedFault[] {
  const { engine } = config;
  return [
    ...memoryLimitFaults(config),
    ...gpuFaults(config),
    ...(engine?.kind === "vllm"
      ? [...pythonFaults(engine, "vLLM", config), ...autoFaults(engine, config), ...cudaFaults(engine)]
      : []),
    ...(engine?.kind === "transformers" ? pythonFaults(engine, "Transformers", config) : []),
    ...(engine?.kind === "ollama"
      ? [...ollamaSourceFaults(config), ...deviceFaults(engine, config), ...cacheFaults(engine)]
      : []),
  ];
}

function memoryLimitFaults({ engine, target }: KnownConfig): LocatedFault[] {
  const limit = target?.kind === "sandbox" ? target.memory : undefined;
  if (engine?.memoryMax === undefined || limit === undefined || engine.memoryMax <= limit) return [];
  return [
    {
      path: ["engine", "memoryMax"],
      found: formatSize(engine.memoryMax),
      expected: `at most the sandbox's own memory, ${formatSize(limit)}`,
      hint: "Raise target.memory, or lower this.",
    },
  ];
}

function gpuFaults({ engine, target }: KnownConfig): LocatedFault[] {
  const { gpus } = engine ?? {};
  if (gpus === undefined) return [];
  const path = ["engine", "gpus"];
  const twin = gpus.find((gpu, index) => gpu !== undefined && gpus.indexOf(gpu) !== index);
  const parts = engine?.kind === "vllm" ? engine.tensorParallel : undefined;
  return [
    ...(target?.kind === "sandbox"
      ? [{ path, found: "GPUs, on a sandbox", expected: "no such key", hint: "A sandbox has no GPU." }]
      : []),
    ...(twin === undefined ? [] : [{ path, found: `GPU ${twin} twice`, expected: "each GPU once" }]),
    ...(typeof parts === "number" && parts > gpus.length
      ? [
          {
            path: ["engine", "tensorParallel"],
            found: `${parts}, beside ${gpus.length} in engine.gpus`,
            expected: `at most ${gpus.length}`,
            hint: "The model is shared by GPUs that the engine may use: name more of them, or lower this.",
          },
        ]
      : []),
  ];
}

function cacheFaults({ kvCacheType, flashAttention }: KnownOllama): LocatedFault[] {
  if (kvCacheType === undefined || kvCacheType === "f16" || flashAttention === true) return [];
  return [
    {
      path: ["engine", "kvCacheType"],
      found: `${kvCacheType} ${flashAttention === false ? "with flashAttention: false" : "without flashAttention"}`,
      expected: "f16, or `flashAttention: true` beside it",
      hint: "Without flash attention Ollama keeps the cache in f16 and says so in its log alone.",
    },
  ];
}

function deviceFaults({ device }: KnownOllama, { target }: KnownConfig): LocatedFault[] {
  if (device !== "gpu" || target?.kind !== "sandbox") return [];
  return [
    {
      path: ["engine", "device"],
      found: "gpu, on a sandbox",
      expected: "any on a sandbox, or no such key",
      hint: "A sandbox has no GPU. Leave the key out.",
    },
  ];
}

/** What engines in Python have in common: one model, a folder of weights, OpenAI's API alone. */
function pythonFaults(engine: KnownVllm | KnownTransformers, product: string, config: KnownConfig): LocatedFault[] {
  return [
    ...placeFaults(engine, product, config),
    ...oneModelFaults(engine, product, config),
    ...nativeApiFaults(product, config),
  ];
}

function placeFaults(engine: KnownVllm | KnownTransformers, product: string, { target }: KnownConfig): LocatedFault[] {
  const { kind, variant, packages } = engine;
  const kvCache = "kvCacheMemory" in engine ? engine.kvCacheMemory : undefined;
  const least = cpuMemory(kind ?? "vllm", kvCache);
  if (target?.kind === "sandbox") {
    return [
      ...(variant === "cuda"
        ? [
            {
              path: ["engine", "variant"],
              found: "cuda, on a sandbox",
              expected: "cpu on a sandbox",
              hint: "A sandbox has no GPU. Write `variant: cpu`.",
            },
          ]
        : []),
      ...(packages !== undefined && packages !== "index"
        ? [
            {
              path: ["engine", "packages"],
              found: JSON.stringify(packages),
              expected: "no such key on a sandbox, which gets its packages from this machine",
            },
          ]
        : []),
      ...(target.memory !== undefined && target.memory < least
        ? [
            {
              path: ["target", "memory"],
              found: formatSize(target.memory),
              expected: `at least ${formatSize(least)} for ${product}${kvCache === undefined ? "" : ` with a KV cache of ${formatSize(kvCache)}`}`,
            },
          ]
        : []),
    ];
  }
  if (target?.kind !== "ssh" || variant !== "cpu") return [];
  return [
    {
      path: ["engine", "variant"],
      found: "cpu, on a host of your own",
      expected: "cuda",
      hint: "The CPU build is for sandboxes; a host without a GPU is better served by `engine: { kind: ollama }`.",
    },
  ];
}

/** What means nothing without a GPU. */
function cudaFaults({ variant, kvCacheType, allocator }: KnownVllm): LocatedFault[] {
  if (variant !== "cpu") return [];
  const keys = [...(kvCacheType === "fp8" ? ["kvCacheType"] : []), ...(allocator === undefined ? [] : ["allocator"])];
  return keys.map((key) => ({
    path: ["engine", key],
    found: `${key}, for the CPU variant`,
    expected: "no such key; it is about a GPU's memory",
  }));
}

/** What is left on `auto` is chosen by a GPU's memory. */
function autoFaults(engine: KnownVllm, { models }: KnownConfig): LocatedFault[] {
  if (engine.variant !== "cpu") return [];
  const open = [
    ...(["parallel", "gpuMemoryPercent", "tensorParallel"] as const)
      .filter((key) => engine[key] === "auto")
      .map((key) => ["engine", key]),
    ...(models ?? []).flatMap((model, index) => (model?.context === "auto" ? [["models", index, "context"]] : [])),
  ];
  return open.map((path) => ({
    path,
    found: "auto, without a GPU",
    expected: "a number",
    hint: "vLLM's numbers are chosen by a GPU's memory; the CPU variant has none.",
  }));
}

function oneModelFaults(
  { kind }: KnownVllm | KnownTransformers,
  product: string,
  { models }: KnownConfig,
): LocatedFault[] {
  const faults = (models ?? []).flatMap((model, index) =>
    model === undefined
      ? []
      : [...modelFaults(model, product), ...(kind === "transformers" ? contextFaults(model) : [])].map(
          ({ path, ...fault }) => ({ path: ["models", index, ...path], ...fault }),
        ),
  );
  if (models === undefined || models.length <= 1) return faults;
  return [
    ...faults,
    {
      path: ["models"],
      found: `${models.length} models`,
      expected: `one model: ${product} serves one`,
      hint: "Keep one of them, or serve them with `engine: { kind: ollama }`.",
    },
  ];
}

/** Without a limit of its own the server takes the memory that a prompt needs, so nothing is left to chance. */
function contextFaults({ context }: KnownModel): LocatedFault[] {
  if (context !== "auto") return [];
  return [
    {
      path: ["context"],
      found: "auto, for Transformers",
      expected: "a number of tokens",
      hint: "`npm run models` shows what a token of the model takes.",
    },
  ];
}

function modelFaults(model: KnownModel, product: string): LocatedFault[] {
  const { catalog, context, parameters, system, adapter } = model;
  const only = (key: string, hint: string): LocatedFault => ({
    path: [key],
    found: `${key} for a model of ${product}`,
    expected: "no such key; it is part of Ollama's Modelfile",
    hint,
  });
  return [
    ...folderSourceFaults(model, product),
    ...(context === "auto" && catalog === undefined && product === "vLLM" ? unknownLengthFaults(model) : []),
    ...(parameters !== undefined && Object.keys(parameters).length > 0
      ? [only("parameters", "Clients send them; the model's own generation_config.json has the defaults.")]
      : []),
    ...(system === undefined ? [] : [only("system", "Clients send it as a message of the role system.")]),
    ...(adapter === undefined ? [] : [only("adapter", "Merge the adapter into the model's weights.")]),
  ];
}

function unknownLengthFaults({ source }: KnownModel): LocatedFault[] {
  if (source === undefined || findModel(source) !== undefined) return [];
  const what = pinnedRepository(source) ? "repository" : "folder";
  return [
    {
      path: ["context"],
      found: `auto, for a ${what} that nothing is known of`,
      expected: "a number of tokens, or auto with `catalog`",
      hint: `Say which model of the catalogue the ${what} holds, for example \`catalog: kanana-1.5-8b:bf16\`.`,
    },
  ];
}

function nativeApiFaults(product: string, { gateway }: KnownConfig): LocatedFault[] {
  if (gateway?.nativeApi !== true) return [];
  return [
    {
      path: ["gateway", "nativeApi"],
      found: `true, with ${product}`,
      expected: "false",
      hint: `The native API is Ollama's; ${product} serves OpenAI's paths.`,
    },
  ];
}
