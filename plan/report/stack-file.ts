import { isMap, isScalar, isSeq, parseDocument, visit } from "yaml";
import { NAMESPACE } from "../config/faults";

/** A stack file as a report may have it: encrypted values, the salt and the system prompts are told by their presence alone. */

/** What Pulumi needs to open encrypted values. */
const LOCKS = new Set(["encryptionsalt", "encryptedkey", "secure"]);

export interface ReportedStackFile {
  readonly text: string;
  readonly prompts: readonly string[];
}

/** Undefined for a text that is no YAML: what it holds cannot be told, so it stays out. */
export function reportedStackFile(text: string): ReportedStackFile | undefined {
  const document = parseDocument(text);
  if (document.errors.length > 0) return undefined;
  const prompts: string[] = [];
  visit(document, {
    Pair(_, { key, value }) {
      if (!isScalar(key) || !isScalar(value) || typeof value.value !== "string") return;
      if (LOCKS.has(String(key.value))) value.value = "[secret]";
    },
  });
  for (const models of [`${NAMESPACE}:models`, "models"].map((name) => document.getIn(["config", name]))) {
    for (const model of isSeq(models) ? models.items.filter(isMap) : []) {
      const prompt = model.get("system");
      if (typeof prompt !== "string") continue;
      prompts.push(prompt);
      model.set("system", `[prompt: ${prompt.length} characters]`);
    }
  }
  return { text: document.toString({ lineWidth: 0 }), prompts };
}
