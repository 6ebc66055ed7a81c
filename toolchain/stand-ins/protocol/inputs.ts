import { isArchive, isAsset, isObject, isUnknown, unwrap, type Properties } from "./values";

/** What a resource type takes: one row per input. */
export type Fields = Readonly<Record<string, Field>>;

export interface Field {
  readonly kind: Kind;
  readonly required?: true;
}

export type Kind =
  | "string"
  | "number"
  | "boolean"
  | "list"
  | "strings"
  | "stringMap"
  | "asset"
  | { readonly object: Fields }
  | { readonly objects: Fields };

/**
 * Every fault of a resource's inputs, in words that name the property and its type but never its value: values may be
 * keys, and the engine prints whatever it is handed. Values that a preview does not know yet pass.
 *
 * @param label where the inputs stand, for the message ("" for the resource itself).
 */
export function faultsOf(inputs: Properties, fields: Fields, label = ""): string[] {
  const faults: string[] = [];
  const path = (name: string): string => (label === "" ? name : `${label}.${name}`);
  for (const [name, value] of Object.entries(inputs)) {
    if (name.startsWith("__") || value === null || value === undefined) continue;
    const field = fields[name];
    if (field === undefined) {
      faults.push(`${path(name)} is not supported here; supported: ${Object.keys(fields).join(", ")}`);
    } else {
      faults.push(...faultsOfValue(value, field.kind, path(name)));
    }
  }
  for (const [name, field] of Object.entries(fields)) {
    const value = inputs[name];
    if (field.required && (value === undefined || value === null)) faults.push(`${path(name)} is missing`);
  }
  return faults;
}

function faultsOfValue(wrapped: unknown, kind: Kind, path: string): string[] {
  const value = unwrap(wrapped);
  if (isUnknown(value)) return [];
  const wrong = (wanted: string): string[] => [`${path} must be ${wanted}, found ${typeName(value)}`];
  if (typeof kind === "object") {
    if ("object" in kind) return isObject(value) ? faultsOf(value, kind.object, path) : wrong("an object");
    if (!Array.isArray(value)) return wrong("a list of objects");
    return value.flatMap((item, index) => faultsOfValue(item, { object: kind.objects }, `${path}[${index}]`));
  }
  switch (kind) {
    case "string":
    case "number":
    case "boolean":
      return typeof value === kind ? [] : wrong(`a ${kind}`);
    case "list":
      return Array.isArray(value) ? [] : wrong("a list");
    case "strings":
      if (!Array.isArray(value)) return wrong("a list of strings");
      return value.flatMap((item, index) => faultsOfValue(item, "string", `${path}[${index}]`));
    case "stringMap":
      if (!isObject(value)) return wrong("a map of strings");
      return Object.entries(value).flatMap(([key, item]) => faultsOfValue(item, "string", `${path}.${key}`));
    case "asset":
      return isAsset(value) || isArchive(value) ? [] : wrong("an asset or an archive");
  }
}

function typeName(value: unknown): string {
  if (isAsset(value)) return "an asset";
  if (isArchive(value)) return "an archive";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
