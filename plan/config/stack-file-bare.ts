import { parse } from "yaml";
import { isMapping } from "./schema-tree";

/**
 * A stack file's configuration alone, for a preview of a stack that has no state: without what opens the operator's secrets,
 * without those that stand there encrypted, and without private keys, which this machine need not have. No plan depends on
 * them.
 */
export function bareStackFile(text: string): string {
  const file: unknown = parse(text);
  // JSON is YAML in which a text that looks like a date is still a text to Pulumi.
  return JSON.stringify({ config: isMapping(file) ? file["config"] : undefined }, (key, value: unknown) =>
    key === "privateKeyFile" || isEncrypted(value) ? undefined : value,
  );
}

const isEncrypted = (value: unknown) => isMapping(value) && typeof value["secure"] === "string";
