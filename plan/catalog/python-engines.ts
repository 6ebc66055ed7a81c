import type { PythonRelease } from "./python";
import { transformersRelease } from "./transformers";
import { vllmRelease } from "./vllm";

/** The engines in Python, by their kind. */
export const PYTHON_ENGINES = {
  vllm: { product: "vLLM", release: vllmRelease },
  transformers: { product: "Transformers", release: transformersRelease },
} as const satisfies Readonly<
  Record<string, { readonly product: string; readonly release: (version: string) => PythonRelease }>
>;

export type PythonEngineKind = keyof typeof PYTHON_ENGINES;
