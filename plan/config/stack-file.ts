import { LineCounter, parseDocument, type Document } from "yaml";
import { ConfigurationFaults, formatPath, NAMESPACE, nearestName, type Fault, type PropertyPath } from "./faults";
import { stackSchema } from "./schema";
import { isMapping, type Mapping } from "./schema-tree";
import { clearSecret, isStackSecret } from "./stack-secrets";

/** What Pulumi itself keeps at the top of a stack file. */
const TOP_LEVEL = ["config", "environment", "secretsprovider", "encryptedkey", "encryptionsalt"];

/**
 * The project's keys of a stack file, without their `tms-llm:` prefix. Keys of other namespaces are left out, and so
 * are secrets: encrypted values under names that are no part of the configuration.
 *
 * @param text content of the stack file
 * @param file its name, for messages
 * @throws ConfigurationFaults if the text is no stack file, a key of the project is encrypted, or a secret is not
 */
export function readStackFile(text: string, file: string): Record<string, unknown> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const faults = document.errors.map((error): Fault => {
    const { line, col } = lines.linePos(error.pos[0]);
    return {
      path: `line ${line}, column ${col}`,
      found: error.code === "MULTIPLE_DOCS" ? "a second document" : error.message,
      expected: "one YAML document",
      ...indentationHint(text, line),
    };
  });
  if (faults.length > 0) throw new ConfigurationFaults(file, faults);

  const top = toPlain(document, file) ?? {};
  if (!isMapping(top)) throw new ConfigurationFaults(file, [notAMapping("the file", "a mapping with the key config")]);
  const unknown = Object.keys(top).filter((key) => !TOP_LEVEL.includes(key));
  if (unknown.length > 0) throw new ConfigurationFaults(file, unknown.map(unknownTopLevel));
  const config = top["config"] ?? {};
  if (!isMapping(config))
    throw new ConfigurationFaults(file, [notAMapping("config", `a mapping with keys like ${NAMESPACE}:target`)]);
  const own = ownKeys(config);
  const clear = Object.keys(own).filter(isStackSecret);
  if (clear.length > 0) throw new ConfigurationFaults(file, clear.map(clearSecret));
  const encrypted = encryptedPaths(own);
  if (encrypted.length > 0) throw new ConfigurationFaults(file, encrypted.map(encryptedValue));
  return own;
}

/** An alias without its anchor is found only here. */
function toPlain(document: Document, file: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    throw new ConfigurationFaults(file, [{ path: "the file", found, expected: "YAML" }]);
  }
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

/** Pulumi puts a key without a namespace into the project's own. Encrypted values that are no keys of ours are dropped. */
function ownKeys(config: Mapping): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(config).flatMap(([key, value]) => {
      const [first = "", ...rest] = key.split(":");
      if (rest.length > 0 && first !== NAMESPACE) return [];
      const name = rest.length > 0 ? rest.join(":") : first;
      return isEncrypted(value) && !Object.hasOwn(stackSchema.shape, name) ? [] : [[name, value]];
    }),
  );
}

function isEncrypted(value: unknown): boolean {
  return isMapping(value) && Object.keys(value).length === 1 && typeof value["secure"] === "string";
}

function encryptedPaths(value: unknown, path: PropertyPath = []): PropertyPath[] {
  if (isEncrypted(value)) return [path];
  if (Array.isArray(value)) return value.flatMap((item, index) => encryptedPaths(item, [...path, index]));
  if (!isMapping(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => encryptedPaths(item, [...path, key]));
}

function encryptedValue(path: PropertyPath): Fault {
  return {
    path: formatPath(path),
    found: "an encrypted value",
    expected: "a value in clear",
    hint: "Set it without --secret: it is no secret, and API keys are made by the deployment.",
  };
}
