import { LineCounter, parseDocument } from "yaml";
import { ConfigurationFaults, NAMESPACE, nearestName, type Fault } from "./faults";
import { isMapping, type Mapping } from "./schema-tree";

/** What Pulumi itself keeps at the top of a stack file. */
const TOP_LEVEL = ["config", "environment", "secretsprovider", "encryptedkey", "encryptionsalt"];

/**
 * The project's keys of a stack file, without their `tms-llm:` prefix. Keys of other namespaces and encrypted values
 * are left out: nothing that the plan is made from is a secret.
 *
 * @param text content of the stack file
 * @param file its name, for messages
 * @throws ConfigurationFaults if the text is no stack file
 */
export function readStackFile(text: string, file: string): Record<string, unknown> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const faults = document.errors.map((error): Fault => {
    const { line, col } = lines.linePos(error.pos[0]);
    return {
      path: `line ${line}, column ${col}`,
      found: error.message,
      expected: "YAML",
      ...indentationHint(text, line),
    };
  });
  if (faults.length > 0) throw new ConfigurationFaults(file, faults);

  const top: unknown = document.toJS() ?? {};
  if (!isMapping(top)) throw new ConfigurationFaults(file, [notAMapping("the file", "a mapping with the key config")]);
  const unknown = Object.keys(top).filter((key) => !TOP_LEVEL.includes(key));
  if (unknown.length > 0) throw new ConfigurationFaults(file, unknown.map(unknownTopLevel));
  const config = top["config"] ?? {};
  if (!isMapping(config))
    throw new ConfigurationFaults(file, [notAMapping("config", `a mapping with keys like ${NAMESPACE}:target`)]);
  return ownKeys(config);
}

function indentationHint(text: string, line: number): { hint?: string } {
  const written = text.split("\n")[line - 1] ?? "";
  return /^\s*\t/.test(written) ? { hint: "YAML is indented with spaces, not tabs." } : {};
}

function notAMapping(path: string, expected: string): Fault {
  return { path, found: "something else than a mapping", expected };
}

function unknownTopLevel(key: string): Fault {
  const near = nearestName(key, TOP_LEVEL);
  const hint =
    near === undefined ? `Keys of this project stand below config, as ${NAMESPACE}:<key>.` : `Did you mean "${near}"?`;
  return { path: key, found: "an unknown key at the top of the file", expected: TOP_LEVEL.join(", "), hint };
}

/** Pulumi puts a key without a namespace into the project's own. */
function ownKeys(config: Mapping): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(config).flatMap(([key, value]) => {
      const [first = "", ...rest] = key.split(":");
      if (rest.length > 0 && first !== NAMESPACE) return [];
      return isEncrypted(value) ? [] : [[rest.length > 0 ? rest.join(":") : first, withoutEncrypted(value)]];
    }),
  );
}

function isEncrypted(value: unknown): boolean {
  return isMapping(value) && Object.keys(value).length === 1 && typeof value["secure"] === "string";
}

function withoutEncrypted(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((item) => !isEncrypted(item)).map(withoutEncrypted);
  if (!isMapping(value)) return value;
  const clear = Object.entries(value).filter(([, item]) => !isEncrypted(item));
  return Object.fromEntries(clear.map(([key, item]) => [key, withoutEncrypted(item)]));
}
