import type { CatalogMatch } from "../catalog/models";
import type { Engine, Model, StackConfig } from "../config/schema";
import type { SizedModel } from "./arithmetic";

/** A stack file in which every `auto` has become a number. */
export type ResolvedModel = Omit<Model, "context"> & { readonly context: number };
export type ResolvedConfig = Omit<StackConfig, "engine" | "models"> & {
  readonly engine: Omit<Engine, "parallel"> & { readonly parallel: number };
  readonly models: ResolvedModel[];
};

/** A model of the stack file with what the catalogue has verified of it. */
export interface Candidate {
  readonly model: Model;
  readonly match: (CatalogMatch & { readonly model: SizedModel }) | undefined;
}
