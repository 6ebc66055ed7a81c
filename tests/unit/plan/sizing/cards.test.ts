import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { catalogModel } from "../../../../plan/catalog/models";
import { isSizable } from "../../../../plan/sizing/arithmetic";
import { chooseVllm, tokensOfCache, type VllmGpu, type VllmWanted } from "../../../../plan/sizing/vllm";

const MIB = 2 ** 20;
const DOCUMENT = readFileSync(join(__dirname, "../../../../docs/models.md"), "utf8");

/** GPUs with their memory in MiB, as nvidia-smi shows it. */
const CARDS = [
  ["RTX 5070 Ti", 16303],
  ["A10", 23028],
  ["L4", 23034],
  ["RTX 4090", 24564],
  ["H200", 143771],
] as const;

const MODELS = ["kanana-1.5-8b", "qwen3-8b", "qwen3.5-9b", "qwen3-32b"];

function wanted(id: string): VllmWanted {
  const model = catalogModel(id);
  if (!model || !isSizable(model)) throw new Error(`${id} cannot be sized`);
  return {
    model,
    quantization: "bf16",
    context: "auto",
    parallel: "auto",
    tensorParallel: "auto",
    gpuMemoryPercent: "auto",
  };
}

const gpu = (name: string, mebibytes: number): VllmGpu => ({
  name,
  memory: mebibytes * MIB,
  shared: false,
  heldByOthers: 0,
  computeCapability: "8.9",
  mig: false,
});

/** Thousands of tokens; a context is in units of 1024, what the cache holds is not. */
const thousands = (tokens: number) => `${(Math.floor(tokens / 100) / 10).toFixed(1)}k`;

function cell(id: string, name: string, mebibytes: number): string {
  const chosen = chooseVllm(wanted(id), [gpu(name, mebibytes)]);
  return chosen ? `${chosen.context / 1024}k (${thousands(chosen.tokens)})` : "–";
}

describe("the table of cards in docs/models.md is what the plan computes", () => {
  test.each(CARDS)("%s", (name, mebibytes) => {
    const cells = MODELS.map((id) => cell(id, name, mebibytes));
    expect(DOCUMENT).toContain(`| ${[name, mebibytes.toLocaleString("en"), ...cells].join(" | ")} |\n`);
  });

  test("its columns are the models", () => {
    expect(DOCUMENT).toContain(`| GPU | MiB | ${MODELS.join(" | ")} |\n`);
  });
});

test.each([
  ["A10", 23028, 90, "23.2k", false],
  ["L4", 23034, 90, "23.2k", false],
  ["RTX 4090", 24564, 90, "34.2k", true],
])("Kanana 1.5 8B in bf16 on an %s (%i MiB) at %i %%: %s tokens", (_name, mebibytes, percent, tokens, fits) => {
  const found = tokensOfCache(wanted("kanana-1.5-8b"), { parts: 1, percent, memory: mebibytes * MIB });
  expect([thousands(found), found >= 32768]).toEqual([tokens, fits]);
  expect(DOCUMENT).toContain(tokens);
});
