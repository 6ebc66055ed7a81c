import { z } from "zod";
import { either, type PropertyPath } from "./faults";
import { wordings, type Wording } from "./wording";

/** Walks a zod schema beside the raw value that it judges. */

export type Mapping = Readonly<Record<string, unknown>>;

export function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The schema below defaults and optionality. */
export function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) {
    return unwrap(schema.def.innerType);
  }
  return schema;
}

/** The keys of a mapping. */
export function keysOf(object: z.ZodObject): Readonly<Record<string, z.core.$ZodType>> {
  return object.shape;
}

/** The wording of the schema or of what it wraps. */
export function wordingOf(schema: z.core.$ZodType): Wording | undefined {
  const own = wordings.get(schema);
  if (own !== undefined) return own;
  const inner = unwrap(schema);
  return inner === schema ? undefined : wordings.get(inner);
}

/** The option of a discriminated union that the raw value chooses. */
export function variantOf(union: z.ZodDiscriminatedUnion, raw: unknown): z.ZodObject | undefined {
  const chosen = isMapping(raw) ? raw[union.def.discriminator] : undefined;
  return variants(union).find((option) => discriminatorValue(union, option) === chosen);
}

export function variants(union: z.ZodDiscriminatedUnion): readonly z.ZodObject[] {
  return union.options.map((option) => unwrap(option)).filter((option) => option instanceof z.ZodObject);
}

export function discriminatorValue(union: z.ZodDiscriminatedUnion, option: z.ZodObject): unknown {
  const literal = keysOf(option)[union.def.discriminator];
  return literal instanceof z.ZodLiteral ? literal.value : undefined;
}

/** The schema at a path of the raw value; for a discriminator that chooses nothing, the literals that it may be. */
export function schemaAt(root: z.core.$ZodType, raw: unknown, path: PropertyPath): z.core.$ZodType | undefined {
  const [step, ...rest] = path;
  if (step === undefined) return root;
  const schema = unwrap(root);
  const next: unknown = isMapping(raw) || Array.isArray(raw) ? (raw as Mapping)[step] : undefined;
  if (schema instanceof z.ZodArray) return schemaAt(schema.element, next, rest);
  if (schema instanceof z.ZodRecord) return schemaAt(schema.valueType, next, rest);
  if (schema instanceof z.ZodObject) return below(schema, next, String(step), rest);
  if (schema instanceof z.ZodDiscriminatedUnion) {
    const variant = variantOf(schema, raw);
    if (variant !== undefined) return below(variant, next, String(step), rest);
    return z.enum(variants(schema).map((option) => String(discriminatorValue(schema, option))));
  }
  return undefined;
}

function below(object: z.ZodObject, raw: unknown, key: string, rest: PropertyPath): z.core.$ZodType | undefined {
  const child = keysOf(object)[key];
  return child === undefined ? undefined : schemaAt(child, raw, rest);
}

/** The words that a value may be, if it is one of a few. */
export function choices(schema: z.core.$ZodType): readonly string[] {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodEnum) return inner.options.map(String);
  if (inner instanceof z.ZodLiteral) return [...inner.values].map(String);
  return [];
}

/** What may stand there, in words. */
export function expectation(schema: z.core.$ZodType): string {
  const worded = wordingOf(schema);
  if (worded !== undefined) return worded.expected;
  const inner = unwrap(schema);
  if (choices(inner).length > 0) return either(choices(inner));
  if (inner instanceof z.ZodNumber) return numberInWords(inner);
  if (inner instanceof z.ZodBoolean) return "true or false";
  if (inner instanceof z.ZodString) return "a text that is not empty";
  if (inner instanceof z.ZodArray) return "a list with at least one item";
  if (inner instanceof z.ZodRecord) return "a mapping";
  if (inner instanceof z.ZodObject) return `a mapping with the keys ${Object.keys(inner.shape).join(", ")}`;
  if (inner instanceof z.ZodDiscriminatedUnion) {
    const values = variants(inner).map((option) => String(discriminatorValue(inner, option)));
    return `a mapping whose ${inner.def.discriminator} is ${either(values)}`;
  }
  throw new Error(`the configuration schema holds a ${inner._zod.def.type} without a wording`);
}

function numberInWords(schema: z.ZodNumber): string {
  const { minValue, maxValue } = schema;
  const kind = schema.format?.includes("int") ? "a whole number" : "a number";
  const upper = maxValue === null || maxValue >= Number.MAX_SAFE_INTEGER ? undefined : maxValue;
  return upper === undefined ? `${kind}, ${minValue ?? 0} or more` : `${kind} from ${minValue ?? 0} to ${upper}`;
}
