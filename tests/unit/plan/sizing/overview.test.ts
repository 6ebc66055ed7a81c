import { expect, test } from "vitest";
import { modelOverview, OVERVIEW_QUANTIZATIONS, type OverviewHost } from "../../../../plan/sizing/overview";

const GIB = 2 ** 30;

/** A model's row in short: `<quantization> <longest context>`. */
function row(id: string, host: OverviewHost | undefined, parallel = 1): string[] {
  const { fits } = modelOverview(host, parallel).find(({ model }) => model.id === id)!;
  return OVERVIEW_QUANTIZATIONS.map((quantization) => {
    const fit = fits[quantization];
    return `${quantization} ${fit.kind === "fits" ? `${fit.context / 1024}k` : fit.kind}`;
  });
}

const card = (gibibytes: number): OverviewHost => ({ gpus: [gibibytes * GIB], memory: 64 * GIB });

test.each<[string, string, OverviewHost, number, string[]]>([
  ["kanana-1.5-8b", "8 GiB", card(8), 1, ["IQ4_XS 16k", "Q4_K_M 12k", "Q5_K_M 8k", "Q8_0 too large", "bf16 too large"]],
  ["kanana-1.5-8b", "24 GiB", card(24), 1, ["IQ4_XS 32k", "Q4_K_M 32k", "Q5_K_M 32k", "Q8_0 32k", "bf16 32k"]],
  [
    "kanana-1.5-8b",
    "24 GiB with four requests",
    card(24),
    4,
    ["IQ4_XS 32k", "Q4_K_M 32k", "Q5_K_M 32k", "Q8_0 24k", "bf16 8k"],
  ],
  [
    "qwen2.5-coder-14b",
    "16 GiB",
    card(16),
    1,
    ["IQ4_XS 32k", "Q4_K_M 32k", "Q5_K_M 24k", "Q8_0 too large", "bf16 too large"],
  ],
  [
    "qwen2.5-coder-14b",
    "16 GiB, with an Ollama that leaves 1 GiB of a GPU free",
    { ...card(16), ollama: "0.34.1" },
    1,
    ["IQ4_XS 24k", "Q4_K_M 24k", "Q5_K_M 16k", "Q8_0 too large", "bf16 too large"],
  ],
  [
    "qwen3-32b",
    "a memory of 80 GiB that the GPU shares with the host",
    { ...card(80), percent: 82 },
    1,
    ["IQ4_XS 32k", "Q4_K_M 32k", "Q5_K_M 32k", "Q8_0 32k", "bf16 8k"],
  ],
  [
    "llama-3.1-70b",
    "two cards of 80 GiB",
    { gpus: [80 * GIB, 80 * GIB], memory: 0 },
    1,
    ["IQ4_XS 128k", "Q4_K_M 128k", "Q5_K_M 128k", "Q8_0 128k", "bf16 32k"],
  ],
  [
    "mistral-7b-v0.2",
    "no card and 8 GiB of memory",
    { gpus: [], memory: 7.5 * GIB },
    1,
    ["IQ4_XS 24k", "Q4_K_M 16k", "Q5_K_M 16k", "Q8_0 too large", "bf16 too large"],
  ],
])("%s in %s", (id, _title, host, parallel, expected) => {
  expect(row(id, host, parallel)).toEqual(expected);
});

test("what nobody has verified shows no number", () => {
  expect(new Set(row("kanana-1.5-2.1b", card(24)).map((cell) => cell.split(" ")[1]))).toEqual(new Set(["unverified"]));
});

test("without a host the sizes alone are shown", () => {
  expect(row("qwen3-8b", undefined)).toContain("Q4_K_M size");
});
