import { describe, expect, test } from "vitest";
import { parseStackConfig } from "../../../../plan/config/parse";
import { hostFacts, type HostFacts } from "../../../../plan/host-facts";
import { PlanRefused } from "../../../../plan/preflight/refusal";
import { resolveStack } from "../../../../plan/sizing/resolve";
import { hostFacts as measured } from "../../../fixtures/hosts/load";

const on = (host: string, changes: Partial<HostFacts> = {}): HostFacts => ({
  ...hostFacts(measured(host)),
  ...changes,
});

const AUTO = { parallel: "auto", gpuMemoryPercent: "auto", tensorParallel: "auto" };

function resolve(engine: object, model: object, facts?: HostFacts) {
  const config = parseStackConfig(
    {
      target: {
        kind: "ssh",
        host: "203.0.113.10",
        hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
      },
      engine: { kind: "vllm", ...engine },
      models: [{ name: "kanana", source: "folder:/srv/kanana", sha256: "c".repeat(64), ...model }],
      access: { allow: ["198.51.100.0/24"] },
    },
    { stack: "prod", file: "Pulumi.prod.yaml" },
  );
  const resolution = resolveStack(config, "prod", facts);
  const { engine: chosen, models } = resolution.config;
  if (chosen.kind !== "vllm") throw new Error("another engine");
  const { parallel, gpuMemoryPercent, tensorParallel, dtype } = chosen;
  return { context: models[0]!.context, parallel, gpuMemoryPercent, tensorParallel, ...(dtype ? { dtype } : {}) };
}

function refusal(...parts: Parameters<typeof resolve>): string {
  try {
    resolve(...parts);
  } catch (error) {
    if (error instanceof PlanRefused) return error.message;
    throw error;
  }
  throw new Error("nothing was refused");
}

const KANANA = { catalog: "kanana-1.5-8b:bf16" };

describe("vLLM's numbers", () => {
  test.each<[string, object, object, HostFacts | undefined, object]>([
    [
      "everything on auto, on an L4",
      AUTO,
      { ...KANANA, context: "auto" },
      on("l4"),
      { context: 24576, parallel: 4, gpuMemoryPercent: 92, tensorParallel: 1 },
    ],
    [
      "70B on two A100",
      AUTO,
      { catalog: "llama-3.1-70b:bf16", acceptLicence: "llama", context: "auto" },
      on("two-a100-80"),
      { context: 32768, parallel: 4, gpuMemoryPercent: 92, tensorParallel: 2 },
    ],
    [
      "some written, some not",
      { parallel: "auto", gpuMemoryPercent: 82 },
      { ...KANANA, context: "8k" },
      on("l4"),
      { context: 8192, parallel: 4, gpuMemoryPercent: 82, tensorParallel: 1 },
    ],
    [
      "a smaller cache",
      { ...AUTO, kvCacheType: "fp8" },
      { ...KANANA, context: "auto" },
      on("l4"),
      { context: 32768, parallel: 6, gpuMemoryPercent: 92, tensorParallel: 1 },
    ],
    [
      "a GPU that shares the host's memory",
      AUTO,
      { catalog: "qwen3-32b:bf16", context: "auto" },
      on("gb10", { memory: 121 * 2 ** 30 }),
      { context: 32768, parallel: 17, gpuMemoryPercent: 82, tensorParallel: 1 },
    ],
    [
      "all written, no facts",
      { parallel: 8 },
      { context: "16k" },
      undefined,
      { context: 16384, parallel: 8, gpuMemoryPercent: 90, tensorParallel: 1 },
    ],
    [
      "all written, a folder that nothing is known of",
      { parallel: 8 },
      { context: "16k" },
      on("l4"),
      { context: 16384, parallel: 8, gpuMemoryPercent: 90, tensorParallel: 1 },
    ],
  ])("%s", (_title, engine, model, facts, expected) => {
    expect(resolve(engine, model, facts)).toEqual(expected);
  });

  test("what does not fit is refused with what would", () => {
    expect(refusal({}, { ...KANANA, context: "32k" }, on("l4"))).toMatchInlineSnapshot(`
      "There is no plan for prod: 1 thing stands in the way. No host was touched.

      kanana does not fit into the GPU's memory as the stack file asks (memory)
        found:   NVIDIA L4 with 22.4 GiB
        needed:  kanana (kanana-1.5-8b at bf16): 15 GiB of weights and 4 GiB of cache for one request of 32k tokens, 2 GiB for vLLM itself, in 90 % of a GPU less 512 MiB for its driver
        way out: fits: context 16k; or choose another model: qwen3.5-9b, mistral-7b-v0.3, mistral-7b-v0.2; or set engine.kind to ollama, which runs it quantized (Q4_K_M: 4.6 GiB of weights); or choose a host with more memory per GPU, or more GPUs"
    `);
  });

  test("more requests than a hybrid model has room for are refused with the most that vLLM starts with", () => {
    const hybrid = { catalog: "qwen3.5-9b:bf16", context: "8k" };
    expect(refusal({ parallel: 256 }, hybrid, on("l4"))).toMatchInlineSnapshot(`
      "There is no plan for prod: 1 thing stands in the way. No host was touched.

      engine.parallel is 256, with which vLLM does not start: the memory has room for the state of fewer requests (parallel)
        found:   qwen3.5-9b, of which each request keeps a state beside its tokens; the cache has 69 blocks for it
        needed:  engine.parallel of at most 69 on this host
        way out: set engine.parallel to 69 or less, or to auto; or give the cache more memory (engine.gpuMemoryPercent, engine.kvCacheMemory, engine.tensorParallel)"
    `);
    const [, most] = /at most (\d+)/.exec(refusal({ parallel: 256 }, hybrid, on("l4")))!;
    expect(resolve({ parallel: Number(most) }, hybrid, on("l4"))).toMatchObject({ parallel: Number(most) });
    expect(resolve({ parallel: 256 }, { ...KANANA, context: "8k" }, on("l4"))).toMatchObject({ parallel: 256 });
  });

  test("a part of a shared memory that leaves the system too little is refused, whatever the model is", () => {
    const gb10 = on("gb10", { memory: 121 * 2 ** 30 });
    for (const model of [{ ...KANANA, context: "8k" }, { context: "8k" }]) {
      expect(refusal({}, model, gb10)).toMatchInlineSnapshot(`
        "There is no plan for prod: 1 thing stands in the way. No host was touched.

        engine.gpuMemoryPercent is 90, of a memory that the GPU shares with the host (memory-shared)
          found:   NVIDIA GB10 with 121 GiB that it shares with the host
          needed:  at most 82; the rest is for the system and vLLM's own processes, without which the host stands still
          way out: set engine.gpuMemoryPercent to 82, or to auto"
      `);
    }
    expect(resolve({ gpuMemoryPercent: 82 }, { ...KANANA, context: "8k" }, gb10)).toMatchObject({ context: 8192 });
  });

  test("a model that one GPU cannot hold is split", () => {
    const model = { catalog: "llama-3.1-70b:bf16", acceptLicence: "llama", context: "8k" };
    expect(refusal({}, model, on("two-a100-80"))).toMatchInlineSnapshot(`
      "There is no plan for prod: 1 thing stands in the way. No host was touched.

      kanana does not fit into the GPU's memory as the stack file asks (memory)
        found:   NVIDIA A100-SXM4-80GB with 80 GiB, NVIDIA A100-SXM4-80GB with 80 GiB
        needed:  kanana (llama-3.1-70b at bf16): 131.5 GiB of weights and 2.5 GiB of cache for one request of 8k tokens, 2 GiB for vLLM itself, in 90 % of a GPU less 512 MiB for its driver
        way out: fits: engine.tensorParallel 2; or choose another model: qwen3-32b, qwen2.5-coder-14b, deepseek-r1-distill-qwen-14b; or set engine.kind to ollama, which runs it quantized (Q4_K_M: 40.2 GiB of weights); or choose a host with more memory per GPU, or more GPUs"
    `);
  });

  test("where others hold a GPU, the free one is named", () => {
    const [gpu] = on("l4").gpus;
    const two = on("l4", { gpus: [{ ...gpu!, heldByOthers: 20 * 2 ** 30 }, gpu!] });
    expect(refusal({}, { ...KANANA, context: "8k" }, two)).toContain("way out: fits: engine.gpus [1]");
    expect(resolve({ gpus: [1] }, { ...KANANA, context: "8k" }, two)).toMatchObject({ context: 8192 });
  });

  test("a split into more parts than GPUs, or one that tears heads, is refused before anything is installed", () => {
    expect(refusal({ tensorParallel: 4 }, { ...KANANA, context: "8k" }, on("two-a100-80"))).toMatchInlineSnapshot(`
      "There is no plan for prod: 1 thing stands in the way. No host was touched.

      engine.tensorParallel is 4, over which kanana-1.5-8b cannot be split on this host (tensor-parallel)
        found:   2 GPUs for the engine; the model has 32 attention heads and 8 for keys and values
        needed:  at most as many parts as there are GPUs, each with the same number of heads
        way out: set engine.tensorParallel to 1 or 2, or to auto"
    `);
    const [gpu] = on("l4").gpus;
    const three = on("l4", { gpus: [gpu!, gpu!, gpu!] });
    expect(refusal({ tensorParallel: 3 }, { ...KANANA, context: "8k" }, three)).toContain("(tensor-parallel)");
  });

  test("GPUs that the engine may not use are not counted", () => {
    const model = { catalog: "llama-3.1-70b:bf16", acceptLicence: "llama", context: "auto" };
    expect(resolve({ ...AUTO, gpus: [1, 0] }, model, on("two-a100-80"))).toMatchObject({ tensorParallel: 2 });
    expect(refusal({ ...AUTO, gpus: [1] }, model, on("two-a100-80"))).toContain("does not fit");
  });

  test("a GPU before Ampere computes in float16", () => {
    const [gpu] = on("l4").gpus;
    const t4 = on("l4", { gpus: [{ ...gpu!, name: "Tesla T4", computeCapability: "7.5" }] });
    expect(resolve({}, { ...KANANA, context: "8k" }, t4)).toMatchObject({ dtype: "float16" });
    expect(resolve({}, { ...KANANA, context: "8k" }, on("l4"))).not.toHaveProperty("dtype");
  });

  test.each<[string, string, object]>([
    ["on auto", "A10", { ...AUTO, kvCacheType: "fp8" }],
    ["in numbers", "A10", { kvCacheType: "fp8" }],
    ["on the second of two GPUs", "A10", { kvCacheType: "fp8", gpus: [1] }],
  ])("an fp8 cache below compute capability 8.9 is refused: %s", (_title, name, engine) => {
    const [l4] = on("l4").gpus;
    const a10 = { ...l4!, name: `NVIDIA ${name}`, computeCapability: "8.6" };
    const model = { ...KANANA, context: "8k" };
    expect(refusal(engine, model, on("l4", { gpus: [l4!, a10] }))).toBe(
      `There is no plan for prod: 1 thing stands in the way. No host was touched.

engine.kvCacheType is fp8, with which vLLM does not start on this GPU (gpu-fp8-cache)
  found:   NVIDIA A10, compute capability 8.6
  needed:  compute capability 8.9 or newer
  way out: leave engine.kvCacheType out, which takes twice the memory per token (npm run models shows what fits); or choose a GPU of the Ada or Hopper generation, or a newer one`,
    );
    expect(resolve({ ...engine, kvCacheType: "default" }, model, on("l4", { gpus: [l4!, a10] }))).toMatchObject({
      context: 8192,
    });
    expect(resolve({ ...engine, gpus: [0] }, model, on("l4", { gpus: [l4!, a10] }))).toMatchObject({ context: 8192 });
  });

  test("an old driver, where something is on auto", () => {
    expect(refusal(AUTO, { ...KANANA, context: "auto" }, on("l4", { driver: "570.86.15" }))).toContain(
      "driver 580 or newer",
    );
  });

  test("what no driver and no smaller number mends is refused in numbers too", () => {
    const model = { ...KANANA, context: "8k" };
    const [l4] = on("l4").gpus;
    const old = on("l4", { gpus: [{ ...l4!, name: "Tesla V100", computeCapability: "7.0" }] });
    expect(refusal({}, model, old)).toContain("The GPU is older than vLLM computes on (gpu-compute)");
    const arm = on("l4", { architecture: "arm64", system: { id: "ol", version: "8.10" }, glibc: "2.28" });
    expect(refusal({}, model, arm)).toContain("(glibc)\n  found:   glibc 2.28\n  needed:  glibc 2.34 or newer");
    expect(resolve({}, model, { ...arm, architecture: "amd64" })).toMatchObject({ context: 8192 });
    const unknown = on("l4", { system: { id: "fedora", version: "42" } });
    expect(refusal({}, model, unknown)).toContain("(operating-system)");
    expect(resolve({}, model, on("l4", { driver: "570.86.15" }))).toMatchObject({ context: 8192 });
  });
});
