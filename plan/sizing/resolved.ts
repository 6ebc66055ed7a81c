import type { CatalogMatch } from "../catalog/models";
import type { PythonLock } from "../catalog/python";
import type { Model, OllamaEngine, StackConfig, TransformersEngine, VllmEngine } from "../config/schema";
import type { CacheType, SizedModel } from "./arithmetic";

/** A stack file in which every `auto` has become a number. */
export type ResolvedModel = Omit<Model, "context"> & { readonly context: number };
type WithNumbers<Kind, Key extends keyof Kind> = Omit<Kind, Key> & Readonly<Record<Key, number>>;
export type ResolvedOllama = WithNumbers<OllamaEngine, "parallel">;
interface OnOlderGpu {
  /** Where the GPU cannot compute in the checkpoint's own type. */
  readonly dtype?: "float16";
}
interface Locked {
  /** The lock file of the release that the host takes. */
  readonly lock: PythonLock;
}
export type ResolvedVllm = WithNumbers<VllmEngine, "parallel" | "gpuMemoryPercent" | "tensorParallel"> &
  OnOlderGpu &
  Locked;
export type ResolvedTransformers = TransformersEngine & OnOlderGpu & Locked;
export type ResolvedConfig = Omit<StackConfig, "engine" | "models"> & {
  readonly engine: ResolvedOllama | ResolvedVllm | ResolvedTransformers;
  readonly models: ResolvedModel[];
};

/** A model of the stack file with what the catalogue has verified of it. */
export interface Candidate {
  readonly model: Model;
  readonly match: (CatalogMatch & { readonly model: SizedModel; readonly cacheType: CacheType }) | undefined;
}

/** What `auto` becomes: a context per model, in the stack file's order, and requests at the same time. */
export interface Numbers {
  readonly contexts: readonly number[];
  readonly parallel: number;
}
