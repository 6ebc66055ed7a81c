import type { LocatedFault } from "./faults";
import type { KnownConfig } from "./known";
import { commitAdvice, pinnedRepository } from "./model-source";

type KnownModel = NonNullable<NonNullable<KnownConfig["models"]>[number]>;

/** What a model's source and the engine get wrong together. */

/** Ollama takes GGUF files; the formats of Hugging Face's library are for the others. */
export function ollamaSourceFaults({ models }: KnownConfig): LocatedFault[] {
  return (models ?? []).flatMap((model, index): LocatedFault[] => {
    const { source } = model ?? {};
    if (source === undefined) return [];
    const fault = { path: ["models", index, "source"], found: JSON.stringify(source) };
    const pinned = pinnedRepository(source);
    if (pinned !== undefined) {
      return [
        {
          ...fault,
          expected: "a source for Ollama: ollama:, hf.co/<user>/<repository>:<quantization> or file:",
          hint: `A commit is for \`engine: { kind: vllm }\` or \`transformers\`, which read safetensors. Ollama takes GGUF files by their quantization and the model's sha256: hf.co/${pinned.repository}:Q4_K_M, if that repository holds them.`,
        },
      ];
    }
    return source.startsWith("folder:")
      ? [
          {
            ...fault,
            expected: "a source for Ollama: ollama:, hf.co/ or file:",
            hint: "Folders in Hugging Face's format are for `engine: { kind: vllm }` or `transformers`.",
          },
        ]
      : [];
  });
}

/** Engines in Python read a folder in Hugging Face's format. @param product the engine's name for people */
export function folderSourceFaults({ source }: KnownModel, product: string): LocatedFault[] {
  if (source === undefined || source === "builtin:tiny" || source.startsWith("folder:")) return [];
  if (pinnedRepository(source) !== undefined) return [];
  const repository = /^hf\.co\/([^:]+)/.exec(source)?.[1];
  return [
    {
      path: ["source"],
      found: JSON.stringify(source),
      expected:
        "hf.co/<user>/<repository>@<commit>, or folder:<path on the host>, with `sha256`; on a sandbox also builtin:tiny",
      hint:
        repository === undefined
          ? `${product} reads folders in Hugging Face's format: name a repository with safetensors, or put the model on the host, outside of /home.`
          : commitAdvice(repository),
    },
  ];
}

/** What `download` is about. */
export function downloadFaults({ source, download }: KnownModel): LocatedFault[] {
  if (download !== false || source === undefined || pinnedRepository(source) !== undefined) return [];
  return [
    {
      path: ["download"],
      found: `false, for ${source}`,
      expected: "no such key, or hf.co/<user>/<repository>@<commit> as source",
      hint: "It keeps the host from fetching the weights of a commit. Remove it.",
    },
  ];
}
