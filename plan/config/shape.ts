import { z } from "zod";
import { describeValue, nearestName, type LocatedFault, type PropertyPath } from "./faults";
import {
  choices,
  discriminatorValue,
  expectation,
  isMapping,
  keysOf,
  schemaAt,
  unwrap,
  variantOf,
  variants,
  wordingOf,
} from "./schema-tree";

/** Faults of a value against one schema, several per value, none twice: zod's issues in our words. */
export function shapeFaults(schema: z.ZodType, raw: unknown): LocatedFault[] {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return [];
  const faults = parsed.error.issues.flatMap((issue) => inWords(schema, raw, issue));
  const place = ({ path }: LocatedFault) => JSON.stringify(path);
  return faults.filter((fault, index) => faults.findIndex((other) => place(other) === place(fault)) === index);
}

function inWords(root: z.ZodType, raw: unknown, issue: z.core.$ZodIssue): LocatedFault[] {
  const path = issue.path.map((part) => (typeof part === "number" ? part : String(part)));
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey(root, raw, path, key));
  if (issue.code === "invalid_key") return [wrongName(root, raw, path)];
  const words = issue.code === "custom" ? (issue.params as Partial<LocatedFault> | undefined) : undefined;
  const schema = schemaAt(root, raw, path);
  const value = valueAt(raw, path);
  const hint = words?.hint ?? (schema === undefined ? undefined : hintFor(schema, value));
  return [
    {
      path,
      found: words?.found ?? describeValue(value),
      expected: words?.expected ?? (schema === undefined ? issue.message : expectation(schema)),
      ...(hint === undefined ? {} : { hint }),
    },
  ];
}

function valueAt(raw: unknown, path: PropertyPath): unknown {
  return path.reduce<unknown>(
    (value, part) => (isMapping(value) || Array.isArray(value) ? (value as never)[part] : undefined),
    raw,
  );
}

function hintFor(schema: z.core.$ZodType, value: unknown): string | undefined {
  const worded = wordingOf(schema)?.hint;
  if (value === null) return z.safeParse(schema, undefined).success ? "Remove the key to take the default." : undefined;
  if (typeof value === "string") return hintForText(schema, value) ?? worded;
  if (typeof value !== "number" && typeof value !== "boolean") return worded;
  // Tools that write YAML 1.1 turn a bare `off` into false.
  const quoted = value === false && choices(schema).includes("off") ? "off" : String(value);
  return z.safeParse(schema, quoted).success ? `Write it in quotes: "${quoted}".` : worded;
}

function hintForText(schema: z.core.$ZodType, value: string): string | undefined {
  const near = nearestName(value, choices(schema));
  if (near !== undefined) return `Did you mean "${near}"?`;
  const isNumber = /^-?\d+$/.test(value) && z.safeParse(schema, Number(value)).success;
  return isNumber ? `Write it without quotes: ${value}.` : undefined;
}

function wrongName(root: z.ZodType, raw: unknown, path: PropertyPath): LocatedFault {
  const record = unwrap(schemaAt(root, raw, path.slice(0, -1)) ?? root);
  const expected = record instanceof z.ZodRecord ? expectation(record.keyType) : "a valid name";
  return { path, found: `the name ${describeValue(String(path.at(-1)))}`, expected };
}

function unknownKey(root: z.ZodType, raw: unknown, path: PropertyPath, key: string): LocatedFault {
  const parent = unwrap(schemaAt(root, raw, path) ?? root);
  const object = parent instanceof z.ZodDiscriminatedUnion ? variantOf(parent, valueAt(raw, path)) : parent;
  const keys = object instanceof z.ZodObject ? Object.keys(object.shape) : [];
  const hint = nearestHint(key, keys) ?? variantHint(parent, key) ?? elsewhereHint(root, key);
  return {
    path: [...path, key],
    found: "an unknown key",
    expected: keys.join(", "),
    ...(hint === undefined ? {} : { hint }),
  };
}

function nearestHint(key: string, keys: readonly string[]): string | undefined {
  const near = nearestName(key, keys);
  return near === undefined ? undefined : `Did you mean "${near}"?`;
}

/** The key of another variant, e.g. `hostKey` on a sandbox. */
function variantHint(parent: z.core.$ZodType, key: string): string | undefined {
  if (!(parent instanceof z.ZodDiscriminatedUnion)) return undefined;
  const owner = variants(parent).find((option) => Object.hasOwn(option.shape, key));
  return owner && `"${key}" goes with ${parent.def.discriminator}: ${String(discriminatorValue(parent, owner))}.`;
}

/** A known key in the wrong place, e.g. `context` at the top. */
function elsewhereHint(root: z.ZodType, key: string): string | undefined {
  const homes = keyPaths(root).filter(
    (path) => nearestName(key, [path.slice(path.lastIndexOf(".") + 1)]) !== undefined,
  );
  return homes.length === 1 ? `There is a key tms-llm:${homes[0]!}.` : undefined;
}

/** Every key of a schema as a dotted path, variants together, `[]` for items of a list. */
function keyPaths(schema: z.core.$ZodType, prefix = ""): string[] {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodArray) return keyPaths(inner.element, `${prefix}[]`);
  if (inner instanceof z.ZodDiscriminatedUnion) return variants(inner).flatMap((option) => keyPaths(option, prefix));
  if (!(inner instanceof z.ZodObject)) return [];
  return Object.entries(keysOf(inner)).flatMap(([key, child]) => {
    const path = prefix === "" ? key : `${prefix}.${key}`;
    return [path, ...keyPaths(child, path)];
  });
}
