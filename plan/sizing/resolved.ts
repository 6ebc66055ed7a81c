import type { CatalogMatch } from "../catalog/models";
import type { Engine, Model, OllamaEngine, StackConfig, VllmEngine } from "../config/schema";
import type { SizedModel } from "./arithmetic";

/** A stack file in which every `auto` has become a number. */
export type ResolvedModel = Omit<Model, "context"> & { readonly context: number };
type Resolved<Kind> = Kind extends Engine ? Omit<Kind, "parallel"> & { readonly parallel: number } : never;
export type ResolvedOllama = Resolved<OllamaEngine>;
export type ResolvedVllm = Resolved<VllmEngine>;
export type ResolvedConfig = Omit<StackConfig, "engine" | "models"> & {
  readonly engine: ResolvedOllama | ResolvedVllm;
  readonly models: ResolvedModel[];
};

/** A model of the stack file with what the catalogue has verified of it. */
export interface Candidate {
  readonly model: Model;
  readonly match: (CatalogMatch & { readonly model: SizedModel }) | undefined;
}
