import { z } from "zod";
import { wordings } from "./wording";

const SOURCE =
  /^(builtin:tiny|ollama:[^\s"]+|hf\.co\/[^\s"/:]+\/[^\s"/:]+(:[^\s"/:]+)?|file:[^\r\n]+|folder:\/[^\r\n]+)$/;

/** What people paste from elsewhere, and how to write it here. */
const SLIPS: readonly (readonly [RegExp, (match: RegExpExecArray) => string])[] = [
  [
    /^(?:https?:\/\/)?(?:huggingface\.co|hf\.co)\/([^\s/:]+\/[^\s/:]+?)\/?$/,
    ([, repository]) => `"hf.co/${repository!}:Q4_K_M", if that repository holds GGUF files`,
  ],
  [/^((?!\w+:).+\.gguf)$/i, ([, path]) => `"file:${path!}" if that is what was meant`],
  [
    /^(?:https?:\/\/)?(?:ollama\.com\/library\/)?([\w.-]+(?::[\w.-]+)?)$/,
    ([, name]) => `"ollama:${name!}" if that is what was meant`,
  ],
];

function hint(written: string): string | undefined {
  for (const [pattern, rewrite] of SLIPS) {
    const match = pattern.exec(written);
    if (match !== null) return `Write ${rewrite(match)}.`;
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
        "builtin:tiny, ollama:<library name>, hf.co/<user>/<repository>:<quantization>, file:<path to a GGUF file> or folder:<path on the host>",
      type: "source",
    });
