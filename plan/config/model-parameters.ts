import { z } from "zod";
import { describeValue, nearestName } from "./faults";
import { wordings } from "./wording";

/**
 * What a Modelfile's PARAMETER lines may set: `Options` and `Runner` in `api/types.go` of Ollama 0.17.4, less what the
 * stack file sets elsewhere (`num_ctx` is `context`).
 */
const PARAMETERS = {
  num_keep: "a whole number",
  seed: "a whole number",
  num_predict: "a whole number",
  top_k: "a whole number",
  top_p: "a number",
  min_p: "a number",
  typical_p: "a number",
  repeat_last_n: "a whole number",
  temperature: "a number",
  repeat_penalty: "a number",
  presence_penalty: "a number",
  frequency_penalty: "a number",
  stop: "a text on one line",
  num_batch: "a whole number",
  num_gpu: "a whole number",
  main_gpu: "a whole number",
  use_mmap: "true or false",
  num_thread: "a whole number",
} as const;

type Kind = (typeof PARAMETERS)[keyof typeof PARAMETERS];

const ACCEPTS: Readonly<Record<Kind, (written: string) => boolean>> = {
  "a whole number": (written) => /^-?\d+$/.test(written),
  "a number": (written) => /^-?\d+(\.\d+)?$/.test(written),
  "true or false": (written) => /^(true|false)$/.test(written),
  "a text on one line": (written) => written !== "" && !/[\r\n]/.test(written),
};

const NAMES = Object.keys(PARAMETERS);
const isName = (name: string): name is keyof typeof PARAMETERS => Object.hasOwn(PARAMETERS, name);

function nameHint(name: string): string | undefined {
  if (name === "num_ctx") return "The context length is pinned by the model's `context`.";
  const near = nearestName(name, NAMES);
  return near === undefined ? undefined : `Did you mean "${near}"?`;
}

const value = z.union([z.string(), z.number(), z.boolean().transform(String)]).register(wordings, {
  expected: "a number, a text, true or false",
});

/** Modelfile parameters by name; the values are checked by the parameter's own type. */
export const modelParameters = () =>
  z
    .record(z.string(), value)
    .superRefine((parameters, context) => {
      for (const [name, written] of Object.entries(parameters)) {
        const fault = (found: string, expected: string, hint?: string) =>
          context.addIssue({ code: "custom", path: [name], params: { found, expected, hint } });
        if (!isName(name)) fault("an unknown parameter", NAMES.join(", "), nameHint(name));
        else if (!ACCEPTS[PARAMETERS[name]](String(written))) fault(describeValue(written), PARAMETERS[name]);
      }
    })
    .register(wordings, {
      expected: "a mapping of Modelfile parameters, for example { temperature: 0.3 }",
      type: "mapping",
    });
