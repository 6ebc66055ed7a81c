import type { Engine, StackConfig } from "../config/schema";
import { formatTokens } from "../config/units";
import type { ResolvedConfig } from "../sizing/resolved";

/** What the engine is told a number by. */
const FLAGS: Readonly<Record<Engine["kind"], Readonly<Record<string, string>>>> = {
  ollama: { context: "num_ctx", parallel: "OLLAMA_NUM_PARALLEL" },
  vllm: {
    context: "max-model-len",
    parallel: "max-num-seqs",
    gpuMemoryPercent: "gpu-memory-utilization",
    tensorParallel: "tensor-parallel-size",
  },
  // It has no auto.
  transformers: {},
};

/** What each `auto` of the stack file has become, as people read it and with the engine's own flag; in the file's order. */
export function chosenNumbers({ engine, models }: StackConfig, resolved: ResolvedConfig): Record<string, string> {
  const flags = FLAGS[engine.kind];
  const settled = resolved.engine as Readonly<Record<string, unknown>>;
  const ofEngine = Object.entries(engine).flatMap(([key, value]) =>
    value === "auto" ? [[`engine.${key}`, withFlag(key, Number(settled[key]), flags)]] : [],
  );
  const ofModels = models.flatMap(({ name, context }, index) =>
    context === "auto" ? [[`context of ${name}`, withFlag("context", resolved.models[index]!.context, flags)]] : [],
  );
  return Object.fromEntries([...ofEngine, ...ofModels]) as Record<string, string>;
}

function withFlag(key: string, value: number, flags: Readonly<Record<string, string>>): string {
  const told = key === "gpuMemoryPercent" ? value / 100 : value;
  const read = key === "context" ? formatTokens(value) : String(value);
  return `${read} (${flags[key] ?? key} ${told})`;
}
