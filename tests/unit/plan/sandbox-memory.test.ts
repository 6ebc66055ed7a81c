import { describe, expect, test } from "vitest";
import { stackSchema } from "../../../plan/config/schema";
import { planRequirements } from "../../../plan/plan";

const GIB = 2 ** 30;

const ENGINES = {
  ollama: { kind: "ollama" },
  vllm: { kind: "vllm", variant: "cpu" },
  transformers: { kind: "transformers", variant: "cpu" },
} as const;

/** The memory that a sandbox gets, and what preflight demands of it. */
function memory(engine: Readonly<Record<string, unknown>>, model: Readonly<Record<string, unknown>> = {}) {
  const config = stackSchema.parse({
    target: { kind: "sandbox" },
    engine,
    models: [{ name: "tiny", source: "builtin:tiny", context: 2048, ...model }],
  });
  const demanded = planRequirements(config, { stack: "test", architecture: "amd64" }).memoryBytes;
  return { given: config.target.kind === "sandbox" ? config.target.memory : 0, demanded };
}

describe("memory of a sandbox", () => {
  test.each(Object.values(ENGINES))("is by default what preflight demands, with room for files: $kind", (engine) => {
    const { given, demanded } = memory(engine);
    expect(demanded).toBeLessThanOrEqual(given - GIB);
  });

  test("is the same by default for every engine, so that another engine does not replace the sandbox", () => {
    expect(new Set(Object.values(ENGINES).map((engine) => memory(engine).given))).toEqual(new Set([4 * GIB]));
  });

  test("a model that says what it needs is demanded on top, and a large KV cache with the engine beside it", () => {
    const { demanded } = memory(ENGINES.vllm);
    expect(memory(ENGINES.vllm, { memory: "1 GiB" }).demanded).toBe(demanded + GIB);
    expect(memory({ ...ENGINES.vllm, kvCacheMemory: "1 GiB" }).demanded).toBe(demanded);
    expect(memory({ ...ENGINES.vllm, kvCacheMemory: "4 GiB" }).demanded).toBe(5.5 * GIB);
  });
});
