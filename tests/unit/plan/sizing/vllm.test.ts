import { describe, expect, test } from "vitest";
import { catalogModel } from "../../../../plan/catalog/models";
import { isSizable, type SizedModel } from "../../../../plan/sizing/arithmetic";
import {
  chooseVllm,
  shareOfGpu,
  tokensOfCache,
  type VllmGpu,
  type VllmNumbers,
  type VllmWanted,
} from "../../../../plan/sizing/vllm";

const GIB = 2 ** 30;
const KIB = 2 ** 10;

function model(id: string): SizedModel {
  const found = catalogModel(id);
  if (!found || !isSizable(found)) throw new Error(`${id} cannot be sized`);
  return found;
}

const card = (gibibytes: number, heldByOthers = 0): VllmGpu => ({
  name: "GPU",
  memory: gibibytes * GIB,
  heldByOthers: heldByOthers * GIB,
  computeCapability: "8.9",
  mig: false,
  shared: false,
});

const open = (id: string, more: Partial<VllmWanted> = {}): VllmWanted => ({
  model: model(id),
  quantization: "bf16",
  context: "auto",
  parallel: "auto",
  tensorParallel: "auto",
  gpuMemoryPercent: "auto",
  ...more,
});

/** The numbers in one line. */
function inShort(numbers: VllmNumbers | undefined): string {
  if (!numbers) return "does not fit";
  const { context, parallel, tensorParallel, gpuMemoryPercent } = numbers;
  return `${context / 1024}k × ${parallel} on ${tensorParallel} at ${gpuMemoryPercent} %`;
}

describe("what is left on auto", () => {
  test.each<[string, VllmWanted, VllmGpu[], string]>([
    [
      "Kanana 8B on 24 GiB holds about one full-length request",
      open("kanana-1.5-8b"),
      [card(24)],
      "32k × 4 on 1 at 92 %",
    ],
    ["on 80 GiB", open("kanana-1.5-8b"), [card(80)], "32k × 56 on 1 at 92 %"],
    ["on 16 GiB not even the weights", open("kanana-1.5-8b"), [card(16)], "does not fit"],
    ["on two of 16 GiB it is split", open("kanana-1.5-8b"), [card(16), card(16)], "32k × 9 on 2 at 92 %"],
    ["on two of 24 GiB one is enough", open("kanana-1.5-8b"), [card(24), card(24)], "32k × 4 on 1 at 92 %"],
    ["70B on two of 80 GiB", open("llama-3.1-70b"), [card(80), card(80)], "32k × 4 on 2 at 92 %"],
    [
      "70B on four of 80 GiB takes all for its whole context",
      open("llama-3.1-70b"),
      Array.from({ length: 4 }, () => card(80)),
      "128k × 15 on 4 at 92 %",
    ],
    [
      "a written context leaves room for more requests",
      open("kanana-1.5-8b", { context: 8192 }),
      [card(24)],
      "8k × 18 on 1 at 92 %",
    ],
    ["what others hold lowers the part", open("phi-4-mini"), [card(24, 6)], "48k × 4 on 1 at 69 %"],
    [
      "a written split is kept",
      open("kanana-1.5-8b", { tensorParallel: 2 }),
      [card(24), card(24)],
      "32k × 24 on 2 at 92 %",
    ],
    ["a written part is kept", open("kanana-1.5-8b", { gpuMemoryPercent: 80 }), [card(24)], "12k × 4 on 1 at 80 %"],
  ])("%s", (_title, wanted, gpus, expected) => {
    expect(inShort(chooseVllm(wanted, gpus))).toBe(expected);
  });
});

test("numbers that are written are held against one request of the whole context", () => {
  const written = { context: 32768, parallel: 64, tensorParallel: 1, gpuMemoryPercent: 90 } as const;
  expect(inShort(chooseVllm(open("kanana-1.5-8b", written), [card(24)]))).toBe("32k × 64 on 1 at 90 %");
  expect(chooseVllm(open("kanana-1.5-8b", { ...written, context: 131072 }), [card(24)])).toBeUndefined();
});

test.each([
  ["a part that others leave free", 74, "32k × 64 on 1 at 74 %"],
  ["a part of which others hold some", 76, "does not fit"],
])("%s, written", (_title, gpuMemoryPercent, expected) => {
  const written = { context: 32768, parallel: 64, tensorParallel: 1, gpuMemoryPercent } as const;
  expect(inShort(chooseVllm(open("kanana-1.5-8b", written), [card(48, 12)]))).toBe(expected);
});

test.each([
  [0, "8k × 1 on 1 at 92 %"],
  [6, "does not fit"],
])("a written cache of 4 GiB on a card of 24 GiB of which others hold %i GiB", (held, expected) => {
  const written = { context: 8192, parallel: 1, kvCacheMemory: 4 * GIB } as const;
  expect(inShort(chooseVllm(open("kanana-1.5-8b", written), [card(24, held)]))).toBe(expected);
});

test("heads that don't go round are on more than one GPU", () => {
  const wanted = open("qwen3.5-9b");
  expect(shareOfGpu(wanted, 4).cachePerToken).toBe(8 * KIB);
  expect(shareOfGpu(wanted, 8).cachePerToken).toBe(8 * KIB);
});

test("a published run with two RTX 4090 at 98 % had room for 81,536 tokens: no more are counted on", () => {
  const memory = 24564 * 2 ** 20;
  const tokens = tokensOfCache(open("deepseek-r1-distill-qwen-14b"), { parts: 2, percent: 98, memory });
  expect(tokens).toBe(79330);
});

describe("a hybrid model, of which each request keeps a state", () => {
  const memory = 4 * GIB;
  const at = (context: number, parallel: number | "auto") =>
    open("qwen3.5-9b", { context, parallel, kvCacheMemory: memory });

  test("is given no more requests than its cache has states for", () => {
    expect(inShort(chooseVllm(at(1024, "auto"), [card(80)]))).toBe("1k × 248 on 1 at 92 %");
    expect(inShort(chooseVllm({ ...at(1024, "auto"), model: model("qwen3-8b") }, [card(80)]))).toBe(
      "1k × 113 on 1 at 92 %",
    );
  });

  test.each([
    [248, "2k × 248 on 1 at 92 %"],
    [249, "does not fit"],
  ])("%i of them, written", (parallel, expected) => {
    expect(inShort(chooseVllm(at(2048, parallel), [card(80)]))).toBe(expected);
  });

  test("is split over more GPUs where that makes room for them", () => {
    const more = open("qwen3.5-9b", { context: 8192, parallel: 250 });
    expect(inShort(chooseVllm(more, [card(24)]))).toBe("does not fit");
    expect(inShort(chooseVllm(more, [card(24), card(24)]))).toBe("8k × 250 on 2 at 92 %");
  });
});
