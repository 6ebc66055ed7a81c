import { expect, test } from "vitest";
import { catalogModel } from "../../../../plan/catalog/models";
import { isSizable, type SizedModel } from "../../../../plan/sizing/arithmetic";
import { mostRequests } from "../../../../plan/sizing/hybrid";

const GIB = 2 ** 30;

function model(id: string): SizedModel {
  const found = catalogModel(id);
  if (!found || !isSizable(found)) throw new Error(`${id} cannot be sized`);
  return found;
}

const small = model("qwen3.5-9b").shape;

/** Qwen's 27B of the same kind, by its config.json. */
const large: SizedModel["shape"] = {
  ...small,
  layers: 64,
  cachingLayers: 16,
  linear: { ...small.linear!, valueHeads: 48 },
};

test.each([
  // What vLLM 0.23.1 said of two GPUs of 20 GiB at a context of 122,633 tokens: vllm-project/vllm#49064.
  ["a published refusal with 3.86 GiB on each of two GPUs", large, 2, 3.86, "f16", 161],
  ["9B with 1 GiB", small, 1, 1, "f16", 62],
  ["9B with 1 GiB and a cache in fp8: a state is as large, and takes as many bytes", small, 1, 1, "fp8", 62],
  ["9B with 1 GiB on each of two GPUs", small, 2, 1, "f16", 124],
  ["nothing left", small, 1, 0, "f16", 0],
  ["less than nothing", small, 1, -1, "f16", 0],
] as const)("%s", (_title, shape, parts, gibibytes, cacheType, expected) => {
  expect(mostRequests({ shape }, { parts, bytes: gibibytes * GIB, cacheType })).toBe(expected);
});

test("a model that keeps a cache in every layer sets no such bound", () => {
  expect(mostRequests(model("kanana-1.5-8b"), { parts: 1, bytes: GIB })).toBeUndefined();
});

test("a state of a request is counted once for vLLM's block and twice for an engine that copies it", () => {
  const { layers, cachingLayers, state } = small;
  const blocks = mostRequests({ shape: small }, { parts: 1, bytes: 1000 * GIB })!;
  // A block holds as many layers as have a cache; three of them hold all of a request's states.
  const once = (((1000 * GIB) / blocks) * (layers - cachingLayers!)) / cachingLayers!;
  expect(state! / once).toBeCloseTo(2, 0);
});
