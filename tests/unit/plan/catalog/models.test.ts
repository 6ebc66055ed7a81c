import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { catalogModels, findModel, licenceOf, parseCatalog } from "../../../../plan/catalog/models";
import { isSizable, weightBytes } from "../../../../plan/sizing/arithmetic";

const text = readFileSync("plan/catalog/models.yaml", "utf8");
const models = catalogModels();

/** Parameters that a shape implies, in billions; norms and biases left out. */
function implied({ shape }: (typeof models)[number]): number {
  const { vocabulary, hidden, layers, heads, kvHeads, headSize, feedForward, gated, tiedEmbeddings } = shape!;
  const attention = hidden * (2 * heads + 2 * kvHeads) * headSize;
  const embeddings = vocabulary * hidden * (tiedEmbeddings ? 1 : 2);
  return (embeddings + layers * (attention + (gated ? 3 : 2) * hidden * feedForward)) / 1e9;
}

describe("the catalogue does not contradict itself", () => {
  test("every name is written once in lower case, and every entry has a source with a date", () => {
    expect(models.length).toBeGreaterThanOrEqual(30);
    for (const { id, source, date } of models)
      expect([id, source, date]).toEqual([id.toLowerCase(), expect.stringMatching(/^https:/), "2026-11-21"]);
  });

  // A layer without a cache has other matrices.
  test.each(
    models.filter((model) => model.shape && !model.shape.cachingLayers).map((model) => [model.id, model] as const),
  )("%s: its shape implies its number of parameters", (_id, model) => {
    expect(Math.abs(implied(model) / model.parameters! - 1)).toBeLessThan(0.01);
  });

  const stated = models
    .filter((model) => model.shape && !model.unverified.includes("sizes"))
    .flatMap((model) =>
      Object.entries(model.sizes).map(
        ([quantization, bytes]) => [model.id, quantization as "Q4_K_M", bytes, model] as const,
      ),
    );
  test.each(stated)(
    "%s: the stated size of %s is what its parameters come to, within 4 %",
    (_id, quantization, bytes, model) => {
      const computed = weightBytes({ ...model, sizes: {} }, quantization);
      expect(Math.abs(computed / bytes - 1)).toBeLessThan(0.04);
    },
  );

  test("a longer context is a multiple of the trained one by its factor, at least", () => {
    for (const { longContext, context } of models)
      if (longContext)
        expect([longContext.original, longContext.tokens <= longContext.original * longContext.factor]).toEqual([
          context,
          true,
        ]);
  });
});

test("the older models of the migration path and the Korean ones are there", () => {
  const ids = models.map(({ id }) => id);
  for (const id of "kanana-1.5-8b llama-2-7b llama-3.1-70b mistral-7b-v0.2 gemma-2-2b phi-3-medium-4k qwen2.5-72b kullm-polyglot-12.8b koalpaca-polyglot-12.8b eeve-korean-10.8b".split(
    " ",
  ))
    expect(ids).toContain(id);
});

describe("what is not verified is not sized", () => {
  test.each([
    ["kanana-1.5-8b", true],
    ["qwen3-14b", true],
    ["kanana-1.5-2.1b", false],
    ["kanana-2-30b-a3b", false],
    ["midm-2.0-base", false],
  ])("%s: %s", (id, sizable) => {
    expect(isSizable(models.find((model) => model.id === id)!)).toBe(sizable);
  });
});

describe("a source of a stack file is found", () => {
  test.each([
    ["ollama:qwen3:8b", "qwen3-8b", "Q4_K_M"],
    ["ollama:llama2:7b", "llama-2-7b", "Q4_0"],
    ["ollama:llama3.1:8b-instruct-q8_0", "llama-3.1-8b", "Q8_0"],
    ["hf.co/Mungert/kanana-1.5-8b-instruct-2505-GGUF:IQ4_XS", "kanana-1.5-8b", "IQ4_XS"],
    ["hf.co/Mungert/kanana-1.5-8b-instruct-2505-GGUF", "kanana-1.5-8b", "Q4_K_M"],
    ["hf.co/kakaocorp/kanana-1.5-8b-instruct-2505", "kanana-1.5-8b", "bf16"],
    [`hf.co/kakaocorp/kanana-1.5-8b-instruct-2505@${"0".repeat(40)}`, "kanana-1.5-8b", "bf16"],
  ])("%s is %s at %s", (source, id, quantization) => {
    const match = findModel(source);
    expect([match?.model.id, match?.quantization]).toEqual([id, quantization]);
  });

  test("a file is what the stack file says it is", () => {
    expect(findModel("file:models/k.gguf", "kanana-1.5-8b:Q5_K_M")).toMatchObject({
      model: { id: "kanana-1.5-8b" },
      quantization: "Q5_K_M",
    });
  });

  test.each([
    "builtin:tiny",
    "file:models/k.gguf",
    "ollama:somebody/else:7b",
    "ollama:qwen3:8b-q9_9",
    "hf.co/Some/Other-GGUF:Q4_K_M",
  ])("%s is not in the catalogue", (source) => expect(findModel(source)).toBeUndefined());
});

describe("licences", () => {
  test.each([
    ["kanana-1.5-8b", "permissive"],
    ["llama-3.1-8b", "restricted"],
    ["kanana-2-3b", "restricted"],
    ["exaone-3.5-7.8b", "non-commercial"],
  ])("%s is %s", (id, kind) => {
    expect(licenceOf(models.find((model) => model.id === id)!).class).toBe(kind);
  });
});

describe("a faulty catalogue is refused", () => {
  test.each([
    [
      "a licence that is not there",
      (yaml: string) => yaml.replace("licence: mit", "licence: wtfpl"),
      "there is no licence wtfpl",
    ],
    [
      "a restricted model without a way out",
      (yaml: string) => yaml.replace("    alternative: qwen3-8b\n", ""),
      "names a permissive one",
    ],
    [
      "an alternative that is restricted itself",
      (yaml: string) => yaml.replace("alternative: qwen3-8b", "alternative: gemma-2-9b"),
      "gemma-2-9b is no model under a permissive licence",
    ],
    [
      "a missing shape that is not admitted",
      (yaml: string) => yaml.replace("unverified: [shape, sizes]", "unverified: [sizes]"),
      "says so in `unverified`",
    ],
    ["a key that is not known", (yaml: string) => yaml.replace("    parameters: 8.03", "    params: 8.03"), "params"],
  ])("%s", (_title, spoil, message) => {
    expect(() => parseCatalog(spoil(text))).toThrow(message);
  });
});
