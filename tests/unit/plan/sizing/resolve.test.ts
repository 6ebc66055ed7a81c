import { describe, expect, test } from "vitest";
import { parseStackConfig } from "../../../../plan/config/parse";
import { stackSchema, type Engine } from "../../../../plan/config/schema";
import { hostFacts, type HostFacts } from "../../../../plan/host-facts";
import { PlanRefused } from "../../../../plan/preflight/refusal";
import { resolveStack, usesAuto } from "../../../../plan/sizing/resolve";
import { hostFacts as measured } from "../../../fixtures/hosts/load";

const GIB = 2 ** 30;
const KANANA = "hf.co/Mungert/kanana-1.5-8b-instruct-2505-GGUF";

const ssh = {
  kind: "ssh",
  host: "203.0.113.10",
  hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
};

interface Wanted {
  readonly models: readonly object[];
  readonly engine?: object;
  readonly target?: object;
}

function stack({ models, engine = {}, target = ssh }: Wanted) {
  return parseStackConfig(
    { target, engine: { kind: "ollama", ...engine }, models, access: { allow: ["198.51.100.0/24"] } },
    { stack: "prod", file: "Pulumi.prod.yaml" },
  );
}

const on = (host: string, changes: Partial<HostFacts> = {}): HostFacts => ({
  ...hostFacts(measured(host)),
  ...changes,
});

const choose = (wanted: Wanted, facts?: HostFacts) => {
  const { config, placement } = resolveStack(stack(wanted), "prod", facts);
  return {
    contexts: config.models.map(({ context }) => context),
    parallel: "parallel" in config.engine ? config.engine.parallel : undefined,
    device: placement?.device,
  };
};

function refusal(wanted: Wanted, facts?: HostFacts): PlanRefused {
  try {
    resolveStack(stack(wanted), "prod", facts);
  } catch (error) {
    if (error instanceof PlanRefused) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

const kanana = (quantization = "Q4_K_M", more: object = {}) => ({
  name: "kanana",
  source: `${KANANA}:${quantization}`,
  context: "auto",
  ...more,
});

describe("auto takes the longest context, then the most requests, that the host has memory for", () => {
  test.each<[string, Wanted, HostFacts, object]>([
    [
      "Kanana 8B on an L4",
      { models: [kanana()], engine: { parallel: "auto" } },
      on("l4"),
      { contexts: [32768], parallel: 4, device: "gpu" },
    ],
    ["the same with one request", { models: [kanana()] }, on("l4"), { contexts: [32768], parallel: 1, device: "gpu" }],
    [
      "the same with four",
      { models: [kanana()], engine: { parallel: 4 } },
      on("l4"),
      { contexts: [32768], parallel: 4, device: "gpu" },
    ],
    [
      "at Q8_0 with four",
      { models: [kanana("Q8_0")], engine: { parallel: 4 } },
      on("l4"),
      { contexts: [24576], parallel: 4, device: "gpu" },
    ],
    [
      "14B on an RTX 5070 Ti with 16 GB",
      { models: [{ name: "m", source: "ollama:qwen2.5-coder:14b", context: "auto" }] },
      on("rtx-5070-ti"),
      { contexts: [32768], parallel: 1, device: "gpu" },
    ],
    [
      "and with both open: two requests are kept",
      { models: [{ name: "m", source: "ollama:qwen2.5-coder:14b", context: "auto" }], engine: { parallel: "auto" } },
      on("rtx-5070-ti"),
      { contexts: [16384], parallel: 2, device: "gpu" },
    ],
    [
      "requests alone, with a written context",
      { models: [kanana("Q4_K_M", { context: "8k" })], engine: { parallel: "auto" } },
      on("l4"),
      { contexts: [8192], parallel: 8, device: "gpu" },
    ],
    [
      "70B over two A100",
      { models: [{ name: "m", source: "ollama:llama3.1:70b", acceptLicence: "llama", context: "auto" }] },
      on("two-a100-80"),
      { contexts: [131072], parallel: 1, device: "gpu" },
    ],
    [
      "no GPU: the host's memory counts",
      { models: [kanana()] },
      on("ubuntu-24.04", { memory: 8 * GIB }),
      { contexts: [16384], parallel: 1, device: "cpu" },
    ],
    [
      "a GPU that shares the host's memory",
      { models: [kanana()] },
      on("gb10", { memory: 119 * GIB }),
      { contexts: [32768], parallel: 1, device: "gpu" },
    ],
    [
      "two models share one bound, so that none starves the other",
      { models: [kanana(), { name: "q", source: "ollama:qwen3:8b", context: "auto" }] },
      on("l4"),
      { contexts: [32768, 32768], parallel: 1, device: "gpu" },
    ],
    [
      "what other programs hold is not there",
      { models: [kanana()] },
      held(on("l4"), 14 * GIB),
      { contexts: [16384], parallel: 1, device: "gpu" },
    ],
    [
      "a model with a limit of its own keeps to it",
      { models: [kanana("Q4_K_M", { memory: "6 GiB" })] },
      on("l4"),
      { contexts: [8192], parallel: 1, device: "gpu" },
    ],
    [
      "engine.memoryMax is a limit too",
      { models: [kanana()], engine: { memoryMax: "6 GiB" } },
      on("ubuntu-24.04", { memory: 64 * GIB }),
      { contexts: [6144], parallel: 1, device: "cpu" },
    ],
  ])("%s", (_title, wanted, facts, expected) => {
    expect(choose(wanted, facts)).toEqual(expected);
  });

  test("a sandbox needs no facts file: its memory stands in the stack file", () => {
    const target = { kind: "sandbox", memory: "8 GiB" };
    expect(choose({ models: [kanana()], target })).toMatchObject({ contexts: [16384] });
  });

  test("a file is sized by what the stack file says it is", () => {
    const file = {
      name: "k",
      source: "file:k.gguf",
      sha256: "a".repeat(64),
      catalog: "kanana-1.5-8b:Q4_K_M",
      context: "auto",
    };
    expect(choose({ models: [file] }, on("l4"))).toMatchObject({ contexts: [32768] });
  });

  test("a host measured again, with our engine running, gives the same plan", () => {
    const busy = measured("l4");
    const ours = {
      gpu: "GPU-2b79f1c0-0000-4000-8000-000000000000",
      name: "ollama",
      usedBytes: 12 * GIB,
      unit: "tms-ollama.service",
    };
    const again = hostFacts({ ...busy, gpu: { ...busy.gpu, processes: [ours] } });
    expect(again).toEqual(on("l4"));
  });
});

describe("what operators set by variables before", () => {
  const onTwo = on("two-a100-80");
  const one = { models: [kanana("Q8_0")], engine: { parallel: 32 } };

  test("GPUs that the engine may not use are not counted", () => {
    expect(choose(one, onTwo)).toMatchObject({ contexts: [32768] });
    expect(choose({ ...one, engine: { parallel: 32, gpus: [1] } }, onTwo)).toMatchObject({ contexts: [16384] });
  });

  test("a GPU that the host does not have is refused", () => {
    expect(refusal({ ...one, engine: { gpus: [1, 2] } }, onTwo).message).toMatchInlineSnapshot(`
      "There is no plan for prod: 1 thing stands in the way. No host was touched.

      engine.gpus names GPU 2, which the host does not have (gpu-absent)
        found:   0: NVIDIA A100-SXM4-80GB, 1: NVIDIA A100-SXM4-80GB
        needed:  GPUs by the numbers that nvidia-smi shows, from 0 on
        way out: correct engine.gpus; or, if the host has changed, npm run facts -- prod"
    `);
  });

  test("a smaller cache gives longer contexts, but not where Ollama cannot do flash attention", () => {
    const small = { flashAttention: true, kvCacheType: "q8_0" };
    const longest = (model: object, engine: object) => choose({ models: [model], engine }, on("rtx-5070-ti")).contexts;
    expect(longest(kanana("Q8_0"), { parallel: 4 })).toEqual([12288]);
    expect(longest(kanana("Q8_0"), { parallel: 4, ...small })).toEqual([24576]);
    const gemma = { name: "g", source: "ollama:gemma2:9b", acceptLicence: "gemma", context: "auto" };
    expect(longest(gemma, { parallel: 4, ...small })).toEqual(longest(gemma, { parallel: 4 }));
  });
});

function held(facts: HostFacts, bytes: number): HostFacts {
  return { ...facts, gpus: facts.gpus.map((gpu) => ({ ...gpu, heldByOthers: bytes })) };
}

describe("without auto", () => {
  test("no facts file is needed", () => {
    expect(choose({ models: [kanana("Q4_K_M", { context: "8k" })] })).toEqual({
      contexts: [8192],
      parallel: 1,
      device: undefined,
    });
  });

  test("numbers that fit are left as they are", () => {
    expect(choose({ models: [kanana("Q4_K_M", { context: "8k" })], engine: { parallel: 2 } }, on("l4"))).toEqual({
      contexts: [8192],
      parallel: 2,
      device: "gpu",
    });
  });

  test("models that the catalogue does not know are taken as they are", () => {
    expect(
      choose({ models: [{ name: "own", source: "ollama:somebody/else:7b", context: "64k" }] }, on("l4")),
    ).toMatchObject({ contexts: [65536] });
  });
});

describe("a refusal says the numbers and every way out", () => {
  test("Llama 2 7B in 5.2 GiB of memory", () => {
    const llama = { name: "llama2", source: "ollama:llama2:7b", acceptLicence: "llama", context: "4k" };
    expect(refusal({ models: [llama] }, on("ubuntu-24.04", { memory: 6.25 * GIB })).message).toMatchInlineSnapshot(`
      "There is no plan for prod: 1 thing stands in the way. No host was touched.

      llama2 needs 5.7 GiB, the host has 5.2 GiB for it (memory)
        found:   6.2 GiB of memory, less 1 GiB for the system and the engine itself
        needed:  llama2 (llama-2-7b at Q4_0): 3.7 GiB of weights and 2 GiB of cache for 1 × 4k tokens
        way out: fits: context 2k; or choose another model: qwen3-8b at Q4_K_M, mistral-7b-v0.3 at Q4_K_M, mistral-7b-v0.2 at Q4_K_M; or choose a host with more memory"
    `);
  });

  test("what a GPU cannot hold fits where engine.device any lets the CPU have the rest", () => {
    const [gpu] = on("l4").gpus;
    const small = on("l4", { gpus: [{ ...gpu!, memory: 12 * GIB }], memory: 64 * GIB });
    const large = { name: "qwen3", source: "ollama:qwen3:32b", context: "8k" };
    expect(refusal({ models: [large] }, small).message).toContain("qwen3 needs");
    expect(choose({ models: [large], engine: { device: "any" } }, small)).toMatchObject({ contexts: [8192] });
  });

  test("too long a context for too many requests", () => {
    expect(
      refusal({ models: [kanana("Q8_0", { context: "32k" })], engine: { parallel: 4 } }, on("rtx-5070-ti")).message,
    ).toMatchInlineSnapshot(`
      "There is no plan for prod: 1 thing stands in the way. No host was touched.

      kanana needs 24 GiB, the host has 14.4 GiB for it (memory)
        found:   NVIDIA GeForce RTX 5070 Ti with 15.9 GiB, less 1.5 GiB for the engine itself
        needed:  kanana (kanana-1.5-8b at Q8_0): 8 GiB of weights and 16 GiB of cache for 4 × 32k tokens
        way out: fits: context 12k, or engine.parallel 1; or choose another model: qwen3.5-9b at Q4_K_M; or choose a host with more memory"
    `);
  });

  test("nothing of a 32B model fits, on auto", () => {
    expect(
      refusal({ models: [{ name: "big", source: "ollama:qwen3:32b", context: "auto" }] }, on("rtx-5070-ti")).message,
    ).toMatchInlineSnapshot(`
      "There is no plan for prod: 1 thing stands in the way. No host was touched.

      big needs 19 GiB, the host has 14.4 GiB for it (memory)
        found:   NVIDIA GeForce RTX 5070 Ti with 15.9 GiB, less 1.5 GiB for the engine itself
        needed:  big (qwen3-32b at Q4_K_M): 18.5 GiB of weights and 512 MiB of cache for 1 × 2k tokens
        way out: choose another model: qwen2.5-coder-14b at Q4_K_M, deepseek-r1-distill-qwen-14b at Q4_K_M, qwen3-14b at Q4_K_M; or choose a host with more memory"
    `);
  });

  test("two models that fit one by one", () => {
    const two = {
      models: [kanana("Q8_0", { context: "16k" }), { name: "q", source: "ollama:qwen3:8b", context: "16k" }],
    };
    expect(refusal(two, on("rtx-5070-ti")).message).toMatchInlineSnapshot(`
      "There is no plan for prod: 1 thing stands in the way. No host was touched.

      The models together need 16.9 GiB, the host has 14.4 GiB for them (memory)
        found:   NVIDIA GeForce RTX 5070 Ti with 15.9 GiB, less 1.5 GiB for the engine itself
        needed:  kanana (kanana-1.5-8b at Q8_0): 8 GiB of weights and 2 GiB of cache for 1 × 16k tokens; q (qwen3-8b at Q4_K_M): 4.7 GiB of weights and 2.3 GiB of cache for 1 × 16k tokens
        way out: kanana: fits: quantization Q5_K_M; or kanana: choose another model: qwen3.5-9b at Q4_K_M, qwen3-8b at Q4_K_M, mistral-7b-v0.3 at Q4_K_M; or q: choose another model: phi-4-mini at Q4_K_M; or serve fewer models; or choose a host with more memory"
    `);
  });

  test("auto without a facts file", () => {
    expect(refusal({ models: [kanana()] }).message).toMatchInlineSnapshot(`
      "There is no plan for prod: 1 thing stands in the way. No host was touched.

      Something is left on auto, and facts.prod.yaml is not there to choose by (facts-missing)
        found:   no facts file
        needed:  the host's measured facts
        way out: npm run facts -- prod measures the host and writes the file; npm run up does it by itself; or write context and engine.parallel as numbers"
    `);
  });

  test("auto on models that nobody verified, or knows", () => {
    const models = [
      { name: "nano", source: "hf.co/kakaocorp/kanana-1.5-2.1b-instruct-2505:Q4_K_M", context: "auto" },
      { name: "own", source: "ollama:somebody/else:7b", context: "auto" },
      { name: "file", source: "file:x.gguf", sha256: "a".repeat(64) },
    ];
    const nano = { ...models[0], source: "hf.co/mykor/A.X-4.0-Light-gguf:Q4_K_M" };
    expect(refusal({ models: [nano, models[1]!, models[2]!] }, on("l4")).message).toMatchInlineSnapshot(`
      "There is no plan for prod: 3 things stand in the way. No host was touched.

      Nobody has verified how large nano is, so nothing is computed from it (model-unverified)
        found:   ax-4.0-light in the catalogue, unverified: shape, sizes
        needed:  verified numbers for what is left on auto
        way out: write its context and engine.parallel as numbers, with the memory that it needs; or read its config.json at https://huggingface.co/skt/A.X-4.0-Light, complete plan/catalog/models.yaml and take the mark away; or choose a verified model (npm run models)

      The catalogue does not know own, so nothing can be computed for it (model-unknown)
        found:   ollama:somebody/else:7b
        needed:  a model of the catalogue for what is left on auto
        way out: write its context and engine.parallel as numbers, with the memory that it needs; or add it to plan/catalog/models.yaml; npm run models lists what is there

      The catalogue does not know file, so nothing can be computed for it (model-unknown)
        found:   file:x.gguf
        needed:  a model of the catalogue for what is left on auto
        way out: write the memory that it needs; if the file holds a model of the catalogue, name it: catalog: kanana-1.5-8b:Q4_K_M; or add it to plan/catalog/models.yaml; npm run models lists what is there"
    `);
  });

  test("every reason at once: a driver below the floor, MIG, a GPU without a driver", () => {
    const ids = (facts: HostFacts) => refusal({ models: [kanana()] }, facts).refusals.map(({ id }) => id);
    expect(ids(on("gtx-1060"))).toEqual(["gpu-driver-below-floor"]);
    expect(ids(on("h200-mig"))).toEqual(["gpu-mig"]);
    expect(ids(on("nouveau"))).toEqual(["gpu-driver-absent"]);
    expect(ids(on("driver-not-loaded"))).toEqual(["gpu-driver-absent"]);
  });
});

describe("whether a number is left open", () => {
  const open = (engine: object, context: number | "auto" = 4096) =>
    usesAuto(
      stackSchema.parse({
        target: { kind: "sandbox" },
        engine,
        models: [{ name: "m", source: "builtin:tiny", context }],
      }),
    );

  test.each([
    ["a context", { kind: "transformers" }, "auto"],
    ["Ollama's requests", { kind: "ollama", parallel: "auto" }],
    ["vLLM's requests", { kind: "vllm", parallel: "auto" }],
    ["vLLM's part of a GPU", { kind: "vllm", gpuMemoryPercent: "auto" }],
    ["vLLM's GPUs", { kind: "vllm", tensorParallel: "auto" }],
  ] as const)("%s on auto is", (_, engine, context?: "auto") => {
    expect(open(engine, context)).toBe(true);
  });

  test.each(["ollama", "vllm", "transformers"])("nothing is by %s's defaults", (kind) => {
    expect(open({ kind })).toBe(false);
  });

  test("a choice that is called auto is no number", () => {
    const { models, engine } = stack({ models: [kanana("Q4_K_M", { context: 4096 })] });
    const chosen = { ...engine, kvCacheType: "auto" } as unknown as Engine;
    expect(usesAuto({ models, engine: chosen })).toBe(false);
  });
});
