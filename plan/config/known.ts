import { z } from "zod";
import type { StackConfig } from "./schema";
import { isMapping, keysOf, unwrap, variantOf, type Mapping } from "./schema-tree";

/** A parsed value of which faulty parts are undefined. */
export type Known<T> = T extends readonly (infer E)[]
  ? readonly (Known<E> | undefined)[]
  : T extends object
    ? { readonly [K in keyof T]?: Known<T[K]> | undefined }
    : T;

/** Parses what can be parsed, so that rules over several keys can speak although others are faulty. */
export function parseKnown<S extends z.ZodType>(schema: S, raw: unknown): Known<z.output<S>> | undefined {
  return known(schema, raw) as Known<z.output<S>> | undefined;
}

function known(schema: z.core.$ZodType, raw: unknown): unknown {
  const parsed = z.safeParse(schema, raw);
  if (parsed.success) return parsed.data;
  const inner = unwrap(schema);
  if (inner instanceof z.ZodArray && Array.isArray(raw)) return raw.map((item) => known(inner.element, item));
  if (!isMapping(raw)) return undefined;
  if (inner instanceof z.ZodObject) return knownKeys(inner, raw);
  if (inner instanceof z.ZodRecord) {
    return Object.fromEntries(Object.entries(raw).map(([key, value]) => [key, known(inner.valueType, value)]));
  }
  if (inner instanceof z.ZodDiscriminatedUnion) {
    const variant = variantOf(inner, raw);
    return variant === undefined ? undefined : knownKeys(variant, raw);
  }
  return undefined;
}

function knownKeys(object: z.ZodObject, raw: Mapping): Mapping {
  return Object.fromEntries(Object.entries(keysOf(object)).map(([key, child]) => [key, known(child, raw[key])]));
}

/** A configuration of which faulty parts are undefined: a rule says nothing about what it doesn't know. */
export type KnownConfig = Known<StackConfig>;
