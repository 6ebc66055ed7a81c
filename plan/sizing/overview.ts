import { catalogModels, licenceOf, QUANTIZATIONS, type CatalogModel, type Quantization } from "../catalog/models";
import { OLLAMA_VERSIONS } from "../config/engine-versions";
import {
  contextChoices,
  engineOverhead,
  isSizable,
  longestContext,
  tensorParallelChoices,
  weightBytes,
  type Load,
} from "./arithmetic";
import { tokensOfCache, USUAL_PERCENT } from "./vllm";

/** What of the catalogue fits into a host, as data. */

/** Quantizations that are worth a column, smallest first; bf16 is what vLLM serves, the others are Ollama's. */
export const OVERVIEW_QUANTIZATIONS = QUANTIZATIONS.filter((name) => name !== "Q4_0" && name !== "Q6_K").sort(
  (one, other) => Number(one === "bf16") - Number(other === "bf16"),
);

/** How a model fits at one quantization. */
export type Fit =
  | { readonly kind: "fits"; readonly weights: number; readonly context: number }
  | { readonly kind: "too large"; readonly weights: number }
  /** Nobody has verified its shape, so nothing is computed. */
  | { readonly kind: "unverified" }
  /** No host was named: the size alone. */
  | { readonly kind: "size"; readonly weights: number };

export interface OverviewRow {
  readonly model: CatalogModel;
  readonly licence: ReturnType<typeof licenceOf>;
  readonly fits: Readonly<Record<Quantization, Fit>>;
}

/** Where models would lie. Bytes before anything is taken off for an engine. */
export interface OverviewHost {
  /** Memory per GPU; none: the host's own memory. */
  readonly gpus: readonly number[];
  readonly memory: number;
  /** Release of Ollama; default: the one that a stack file without a word about it gets. */
  readonly ollama?: string;
  /** What vLLM takes of each GPU; default: as of one with a memory of its own. */
  readonly percent?: number;
}

/** For Ollama: every request holds memory for a whole context. */
function contextInOllama(
  load: Omit<Load, "context">,
  { gpus, memory, ollama = OLLAMA_VERSIONS[0] }: OverviewHost,
): number | undefined {
  const { gpu, cpu } = engineOverhead({ kind: "ollama", version: ollama });
  const room = gpus.length === 0 ? memory - cpu : gpus.reduce((sum, bytes) => sum + bytes - gpu, 0);
  return longestContext(load, room);
}

/** For vLLM over all GPUs that the model can be split over; the requests share the cache, each with a whole context. */
function contextInVllm({ model, quantization, parallel }: Omit<Load, "context">, host: OverviewHost) {
  const { gpus, percent = USUAL_PERCENT } = host;
  const parts = tensorParallelChoices(model, gpus.length).at(-1);
  if (parts === undefined) return undefined;
  const tokens = tokensOfCache({ model, quantization }, { parts, percent, memory: Math.min(...gpus) });
  return contextChoices(model).find((context) => context * parallel <= tokens);
}

/** Every model of the catalogue, the largest first; without a host, with its sizes alone. */
export function modelOverview(host: OverviewHost | undefined, parallel: number): readonly OverviewRow[] {
  return [...catalogModels()]
    .sort((one, other) => (other.parameters ?? 0) - (one.parameters ?? 0))
    .map((model) => ({
      model,
      licence: licenceOf(model),
      fits: Object.fromEntries(
        QUANTIZATIONS.map((quantization) => [quantization, fit(model, quantization, parallel, host)]),
      ) as Record<Quantization, Fit>,
    }));
}

function fit(model: CatalogModel, quantization: Quantization, parallel: number, host: OverviewHost | undefined): Fit {
  if (!isSizable(model)) return { kind: "unverified" };
  const weights = weightBytes(model, quantization);
  if (!host) return { kind: "size", weights };
  const load = { model, quantization, parallel };
  const context = quantization === "bf16" ? contextInVllm(load, host) : contextInOllama(load, host);
  return context === undefined ? { kind: "too large", weights } : { kind: "fits", weights, context };
}
