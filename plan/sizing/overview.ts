import { catalogModels, licenceOf, QUANTIZATIONS, type CatalogModel, type Quantization } from "../catalog/models";
import { ENGINE_OVERHEAD, isSizable, longestContext, weightBytes } from "./arithmetic";

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
}

/** vLLM fills this part of a GPU, its own default of `--gpu-memory-utilization`. */
const VLLM_SHARE = 0.92;

function roomFor(host: OverviewHost, quantization: Quantization): number {
  if (quantization === "bf16")
    return host.gpus.reduce((sum, bytes) => sum + bytes * VLLM_SHARE - ENGINE_OVERHEAD.vllm.gpu, 0);
  if (host.gpus.length === 0) return host.memory - ENGINE_OVERHEAD.ollama.cpu;
  return host.gpus.reduce((sum, bytes) => sum + bytes - ENGINE_OVERHEAD.ollama.gpu, 0);
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
  const context = longestContext({ model, quantization, parallel }, roomFor(host, quantization));
  return context === undefined ? { kind: "too large", weights } : { kind: "fits", weights, context };
}
