import { z } from "zod";
import { TRANSFORMERS_VERSIONS } from "../catalog/transformers";
import { VLLM_VERSIONS } from "../catalog/vllm";
import { OLLAMA_VERSIONS, ollamaVersion, transformersVersion, vllmVersion } from "./engine-versions";
import { duration, size } from "./units";
import { text, wordings } from "./wording";

/** The part of a stack file that says which inference server runs, and how. */

const MIB = 2 ** 20;
const TIB = 2 ** 40;
const HOUR = 3600;
const DAY = 24 * HOUR;

const memoryMax = () =>
  size({ min: 256 * MIB, max: 4 * TIB })
    .optional()
    .describe("Memory limit of the engine's unit; without it the unit has none.");

const packages = () =>
  text(/^(index|folder:\/[^\r\n]+)$/, { expected: "index or folder:<path on the host>", type: "source" })
    .default("index")
    .describe(
      "Where the host takes the engine's packages from, each checked against the lock file: `index` is PyPI, or what `mirrors.pypi` or the host's `/etc/uv/uv.toml` puts in its place; `folder:<path>` is a folder of wheels on the host, which then needs no network but a Python of the right series, and uv's own wheel among them. A sandbox gets its folder from this machine.",
    );

const drain = (when = "the engine is stopped") =>
  duration({ min: 1, max: HOUR }).default(60).describe(`How long answers that are under way may go on when ${when}.`);

const orAuto = (min: number, max: number) =>
  z.union([z.literal("auto"), z.number().int().min(min).max(max)]).register(wordings, {
    expected: `auto, or a whole number from ${min} to ${max}`,
    type: `whole number from ${min} to ${max} or auto`,
  });

const gpus = () =>
  z
    .array(z.number().int().min(0).max(63))
    .min(1)
    .register(wordings, { expected: "a list of GPU numbers, for example [0, 1]", type: "list of whole numbers" })
    .optional()
    .describe(
      "The GPUs that the engine may use, by the numbers that `nvidia-smi` shows, as `CUDA_VISIBLE_DEVICES` names them elsewhere; without it all. What is chosen by memory counts these alone.",
    );

const ollama = z.strictObject({
  kind: z.literal("ollama").describe("GGUF models, on a GPU or a CPU."),
  version: ollamaVersion().default(OLLAMA_VERSIONS[0]).describe("A version in the release catalogue."),
  parallel: orAuto(1, 64)
    .default(1)
    .describe(
      "Requests that one model answers at the same time; memory grows with it. `auto` takes what the host has memory for, at most 8.",
    ),
  keepAlive: duration({ min: 60, max: 365 * DAY })
    .default(DAY)
    .describe("How long an idle model stays loaded."),
  queue: z
    .number()
    .int()
    .min(1)
    .max(4096)
    .default(64)
    .describe(
      "Requests that wait for a model to be loaded, before the engine answers 503. For a seat of a loaded model Ollama 0.17 lets any number wait.",
    ),
  // The engine runs without privileges, so it can't listen below 1024.
  port: z.number().int().min(1024).max(65535).default(11434).describe("Loopback port of the engine."),
  device: z
    .enum(["detect", "gpu", "any"])
    .default("detect")
    .describe(
      "Where a model has to lie when it is loaded. `gpu`: wholly on a GPU, or the deployment fails. `any`: where Ollama puts it, be it the CPU or both. `detect`: as `gpu` on a host that has a GPU with an installed driver, else as `any`.",
    ),
  gpus: gpus(),
  flashAttention: z
    .boolean()
    .optional()
    .describe("Whether attention is computed in one pass over the cache; without it as Ollama does for the model."),
  kvCacheType: z
    .enum(["f16", "q8_0", "q4_0"])
    .default("f16")
    .describe(
      "How a number in the cache of keys and values is kept: `q8_0` takes about half, `q4_0` about a quarter of the memory, at some loss. The latter two need `flashAttention: true`.",
    ),
  drain: drain("a deployment restarts the engine"),
  rehearsal: z
    .boolean()
    .default(true)
    .describe(
      "Whether another release, or other settings, first answer beside the engine that serves, so that what fails there is never seen by a client. Only where memory allows.",
    ),
  memoryMax: memoryMax(),
});

const vllm = z.strictObject({
  kind: z.literal("vllm").describe("One model in Hugging Face's format, many requests at once. Behind a Unix socket."),
  version: vllmVersion().default(VLLM_VERSIONS[0]!).describe("A version in the release catalogue."),
  variant: z
    .enum(["cuda", "cpu"])
    .default("cuda")
    .describe("`cuda` needs an NVIDIA GPU. `cpu` is a community build, for sandboxes only."),
  packages: packages(),
  parallel: orAuto(1, 1024)
    .default(16)
    .describe(
      "Requests that are answered at the same time; they share the cache. `auto` takes as many as fit with a quarter of a context each, at most 256.",
    ),
  queue: z.number().int().min(1).max(4096).default(64).describe("Waiting requests before clients get 503."),
  gpuMemoryPercent: orAuto(5, 98)
    .default(90)
    .describe(
      "Part of each GPU's memory that the engine takes, weights and KV cache together. `auto` takes 92, or 82 where the GPU shares the host's memory, less what other programs hold.",
    ),
  kvCacheMemory: size({ min: 16 * MIB, max: 4 * TIB })
    .optional()
    .describe("Memory for the KV cache; with it the part of the GPU is not asked. On a CPU 256 MiB without it."),
  tensorParallel: orAuto(1, 16)
    .default(1)
    .describe("GPUs that share the model. `auto` takes as few as the longest context needs."),
  gpus: gpus(),
  kvCacheType: z
    .enum(["default", "fp8"])
    .default("default")
    .describe(
      "How a number in the cache of keys and values is kept: `fp8` takes half the memory, at some loss, and needs a GPU of compute capability 8.9 (Ada, Hopper) or newer; `default` is the model's own type.",
    ),
  allocator: z
    .strictObject({
      expandableSegments: z
        .boolean()
        .default(false)
        .describe("Segments that grow, against memory lost between blocks (`expandable_segments`)."),
      maxSplitSize: size({ min: 20 * MIB, max: TIB })
        .optional()
        .describe("Largest block that is split, in whole MiB (`max_split_size_mb`)."),
    })
    .optional()
    .describe("How torch's allocator deals with the GPU's memory (`PYTORCH_CUDA_ALLOC_CONF`)."),
  drain: drain(),
  memoryMax: memoryMax(),
});

const transformers = z.strictObject({
  kind: z
    .literal("transformers")
    .describe("One model in Hugging Face's format, one request at a time. Behind a Unix socket."),
  version: transformersVersion().default(TRANSFORMERS_VERSIONS[0]!).describe("A version in the release catalogue."),
  variant: z.enum(["cuda", "cpu"]).default("cuda").describe("`cuda` needs an NVIDIA GPU. `cpu` is for sandboxes only."),
  packages: packages(),
  gpus: gpus(),
  queue: z.number().int().min(1).max(4096).default(16).describe("Waiting requests before clients get 503."),
  drain: drain(),
  memoryMax: memoryMax(),
});

/** One engine a host. */
export const engineSchema = z.discriminatedUnion("kind", [ollama, vllm, transformers]);
