import { z } from "zod";
import { wordings } from "./wording";

const REPOSITORY = String.raw`[\w.-]+\/[\w.-]+`;

const SOURCE = new RegExp(
  String.raw`^(builtin:tiny|ollama:[^\s"]+|hf\.co\/[^\s"/:@]+\/[^\s"/:@]+(:[^\s"/:]+)?|hf\.co\/${REPOSITORY}@[0-9a-f]{40}|file:[^\r\n]+|folder:\/[^\r\n]+)$`,
);

/** A repository of Hugging Face's at one commit. */
export interface PinnedRepository {
  /** `<user>/<repository>`. */
  readonly repository: string;
  /** 40 hexadecimal digits. */
  readonly commit: string;
}

/** What `hf.co/<user>/<repository>@<commit>` names; undefined for every other source. */
export function pinnedRepository(source: string): PinnedRepository | undefined {
  const [, repository, commit] = /^hf\.co\/([^:@]+)@([0-9a-f]{40})$/.exec(source) ?? [];
  return repository === undefined || commit === undefined ? undefined : { repository, commit };
}

/** How to find the commit that a branch is at. */
export const commitAdvice = (repository: string) =>
  `A branch or tag can come to mean other weights, a commit cannot: \`git ls-remote https://huggingface.co/${repository} main\` prints it, and so does the history of the repository's files on its page. Write hf.co/${repository}@<its 40 digits>.`;

/** What people paste from elsewhere, and how to write it here. */
const SLIPS: readonly (readonly [RegExp, (match: RegExpExecArray) => string])[] = [
  [
    new RegExp(
      String.raw`^(?:https?:\/\/)?(?:huggingface\.co|hf\.co)\/(${REPOSITORY})\/(?:tree|commit)\/([0-9a-f]{40})\/?$`,
    ),
    ([, repository, commit]) => `Write "hf.co/${repository!}@${commit!}".`,
  ],
  [
    new RegExp(String.raw`^(?:https?:\/\/)?(?:huggingface\.co|hf\.co)\/(${REPOSITORY})(?:@|\/tree\/)[^\s@]*$`),
    ([, repository]) => commitAdvice(repository!),
  ],
  [
    /^(?:https?:\/\/)?(?:huggingface\.co|hf\.co)\/([^\s/:]+\/[^\s/:]+?)\/?$/,
    ([, repository]) =>
      `Write "hf.co/${repository!}:Q4_K_M", if that repository holds GGUF files; for vLLM and Transformers "hf.co/${repository!}@<commit>".`,
  ],
  [/^((?!\w+:).+\.gguf)$/i, ([, path]) => `Write "file:${path!}" if that is what was meant.`],
  [
    /^(?:https?:\/\/)?(?:ollama\.com\/library\/)?([\w.-]+(?::[\w.-]+)?)$/,
    ([, name]) => `Write "ollama:${name!}" if that is what was meant.`,
  ],
];

function hint(written: string): string | undefined {
  for (const [pattern, advice] of SLIPS) {
    const match = pattern.exec(written);
    if (match !== null) return advice(match);
  }
  return undefined;
}

/** Where a model's weights come from. */
export const modelSource = () =>
  z
    .string()
    .superRefine((written, context) => {
      if (!SOURCE.test(written)) context.addIssue({ code: "custom", params: { hint: hint(written) } });
    })
    .register(wordings, {
      expected:
        "builtin:tiny, ollama:<library name>, hf.co/<user>/<repository>:<quantization>, hf.co/<user>/<repository>@<commit>, file:<path to a GGUF file> or folder:<path on the host>",
      type: "source",
    });
