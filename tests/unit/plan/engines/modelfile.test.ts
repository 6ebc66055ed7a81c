import { expect, test } from "vitest";
import { modelfile } from "../../../../plan/engines/modelfile";
import type { ResolvedModel } from "../../../../plan/sizing/resolved";

const model = (overrides: Partial<ResolvedModel>): ResolvedModel => ({
  name: "kanana",
  source: "ollama:kanana",
  download: true,
  context: 8192,
  parameters: {},
  ...overrides,
});

test("a library model is named as Ollama knows it, with its context pinned", () => {
  expect(modelfile(model({ source: "ollama:qwen3:8b" }), {})).toMatchInlineSnapshot(`
    "FROM qwen3:8b
    PARAMETER num_ctx 8192
    "
  `);
});

test("a Hugging Face model keeps its full name", () => {
  const source = "hf.co/Mungert/kanana-1.5-8b-instruct-2505-GGUF:Q4_K_M";
  expect(modelfile(model({ source }), {})).toContain(`FROM ${source}\n`);
});

test("delivered weights and adapter are named by checksum; parameters and prompt follow", () => {
  const artifact = (name: string, digit: string) => ({
    name,
    sha256: digit.repeat(64),
    source: { kind: "local" as const, path: "/x" },
  });
  const text = modelfile(
    model({
      source: "file:/w.gguf",
      parameters: { temperature: 0.3, stop: "<|end|>" },
      system: 'Answer in "Korean" only.',
    }),
    {
      weights: artifact("weights", "a"),
      adapter: artifact("adapter", "b"),
    },
  );
  expect(text).toMatchInlineSnapshot(`
    "FROM /var/lib/tms-llm-incoming/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    ADAPTER /var/lib/tms-llm-incoming/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
    PARAMETER num_ctx 8192
    PARAMETER temperature 0.3
    PARAMETER stop "<|end|>"
    SYSTEM """Answer in "Korean" only."""
    "
  `);
});
