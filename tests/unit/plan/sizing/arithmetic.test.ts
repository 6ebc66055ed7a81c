import { describe, expect, test } from "vitest";
import { catalogModel, type Quantization } from "../../../../plan/catalog/models";
import type { Engine } from "../../../../plan/config/schema";
import {
  cacheBytesPerToken,
  contextChoices,
  engineOverhead,
  isSizable,
  loadNeed,
  longestContext,
  tensorParallelChoices,
  weightBytes,
  type SizedModel,
} from "../../../../plan/sizing/arithmetic";

const KIB = 2 ** 10;
const GIB = 2 ** 30;

function model(id: string): SizedModel {
  const found = catalogModel(id);
  if (!found || !isSizable(found)) throw new Error(`${id} cannot be sized`);
  return found;
}

describe("keys and values of one token", () => {
  test.each([
    ["kanana-1.5-8b", 128],
    ["qwen2.5-coder-14b", 192],
    ["qwen3-8b", 144],
    ["qwen3-14b", 160],
    ["qwen3-32b", 256],
    ["qwen3.5-9b", 32],
    ["eeve-korean-10.8b", 192],
    ["llama-3.2-3b", 112],
    ["gemma-2-9b", 336],
    ["phi-3-mini-4k", 384],
    ["llama-2-7b", 512],
  ])("%s: %d KiB at 16 bits", (id, kibibytes) => {
    expect(cacheBytesPerToken(model(id))).toBe(kibibytes * KIB);
  });

  test("an 8-bit cache takes a little more than half, since each block has a scale", () => {
    expect(cacheBytesPerToken(model("kanana-1.5-8b"), "q8_0")).toBe(68 * KIB);
  });
});

describe("weights", () => {
  test.each<[string, Quantization, number]>([
    ["kanana-1.5-8b", "bf16", 15.0],
    ["kanana-1.5-8b", "Q4_K_M", 4.6],
    ["llama-3.1-70b", "Q4_K_M", 40.1],
    ["llama-2-7b", "Q4_0", 3.7],
    // Output and input share one fine-grained matrix: more than bits per weight alone would say.
    ["llama-3.2-3b", "Q4_K_M", 1.9],
    ["gemma-2-2b", "Q4_K_M", 1.6],
  ])("%s at %s: %d GiB", (id, quantization, gibibytes) => {
    expect(weightBytes(model(id), quantization) / GIB).toBeCloseTo(gibibytes, 1);
  });
});

describe("a load", () => {
  test("Kanana 1.5 8B in bf16 with one request of 32k is 19 GiB: a 24 GB card holds about one", () => {
    const need = loadNeed({ model: model("kanana-1.5-8b"), quantization: "bf16", context: 32768, parallel: 1 });
    expect([need.cache / GIB, Math.round(need.total / GIB)]).toEqual([4, 19]);
  });

  test("requests at the same time each hold a whole context, and their fixed state", () => {
    const one = loadNeed({ model: model("qwen3.5-9b"), quantization: "Q4_K_M", context: 8192, parallel: 1 });
    const four = loadNeed({ model: model("qwen3.5-9b"), quantization: "Q4_K_M", context: 8192, parallel: 4 });
    expect(four.cache).toBe(4 * one.cache);
    expect(one.cache).toBe(8192 * 32 * KIB + 96 * 2 ** 20);
  });
});

describe("what an engine takes beside weights and cache of a GPU", () => {
  test.each<[Engine["kind"], string, number]>([
    ["ollama", "0.17.4", 1.5],
    ["ollama", "0.17.7", 1.5],
    ["ollama", "0.29.9", 1.5],
    ["ollama", "0.30.0", 2.5],
    ["ollama", "0.34.1", 2.5],
    ["vllm", "0.32.0", 2],
    ["transformers", "5.23.0", 1.5],
  ])("%s %s: %d GiB", (kind, version, gibibytes) => {
    expect(engineOverhead({ kind, version }).gpu / GIB).toBe(gibibytes);
  });

  test("what Ollama 0.30 and newer put on a card of 16,303 MiB is what one of them was seen to use there, at most", () => {
    // 14,300 MiB in use, of which the buffers of a computation are part.
    expect(16303 - engineOverhead({ kind: "ollama", version: "0.30.0" }).gpu / 2 ** 20).toBeLessThan(14300);
  });
});

describe("the longest context that fits", () => {
  const kanana = { model: model("kanana-1.5-8b"), quantization: "Q4_K_M", parallel: 1 } as const;
  test.each([
    [24, 32768],
    [8, 24576],
    [6, 8192],
    [5, 2048],
    [4, undefined],
  ])("into %d GiB: %s", (gibibytes, context) => {
    expect(longestContext(kanana, gibibytes * GIB)).toBe(context);
  });

  test("never longer than the model was trained for", () => {
    expect(contextChoices(model("eeve-korean-10.8b"))).toEqual([4096, 2048]);
  });
});

describe("over several GPUs a model is split where its heads divide", () => {
  test.each([
    ["kanana-1.5-8b", 3, [1, 2]],
    ["kanana-1.5-8b", 8, [1, 2, 4, 8]],
    ["qwen2.5-coder-14b", 6, [1, 2, 4]],
    ["phi-4-mini", 6, [1, 2, 4]],
    ["llama-3.1-70b", 4, [1, 2, 4]],
    // More parts than key-value heads: each head is on two GPUs.
    ["qwen3.5-9b", 8, [1, 2, 4, 8]],
  ])("%s over up to %d GPUs: %j parts", (id, gpus, parts) => {
    expect(tensorParallelChoices(model(id), gpus)).toEqual(parts);
  });
});
