import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { z } from "zod";
import { stackSchema } from "../plan/config/schema";
import { discriminatorValue, expectation, keysOf, unwrap, variants, wordingOf } from "../plan/config/schema-tree";

/** Prints the configuration tables of `docs/configuration.md` from the schema: `tsx toolchain/configuration-docs.ts`. */

const DOCUMENT = join(__dirname, "..", "docs", "configuration.md");
const BEGIN = "<!-- begin: generated from plan/config/schema.ts by toolchain/configuration-docs.ts -->";
const END = "<!-- end: generated -->";

interface Row {
  readonly key: string;
  readonly type: string;
  readonly fallback: string;
  readonly meaning: string;
}

/** The document with the text between its markers made anew. */
export function withTables(document: string): string {
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (begin === -1 || end < begin) throw new Error(`the document lacks the lines ${BEGIN} and ${END}`);
  return `${document.slice(0, begin + BEGIN.length)}\n\n${configurationTables()}\n\n${document.slice(end)}`;
}

/** One heading and one table per key at the top of a stack file. */
export function configurationTables(): string {
  return Object.entries(stackSchema.shape)
    .map(([key, schema]) => [`## tms-llm:${key}`, lead(schema), table(rows(schema, ""))].join("\n\n"))
    .join("\n\n");
}

function lead(schema: z.core.$ZodType): string {
  return `${meaning(schema)} ${fallbackSentence(schema)}`;
}

function fallbackSentence(schema: z.core.$ZodType): string {
  if (schema instanceof z.ZodPrefault && hasKeys(schema)) return "Optional: without it every default below holds.";
  const fallback = defaultOf(schema);
  return fallback === MANDATORY ? "Mandatory." : `Default: ${fallback}.`;
}

function table(all: readonly Row[]): string {
  const lines = all.map((row) => [row.key, row.type, row.fallback, row.meaning].map(cell).join(" | "));
  return [
    "| Key | Type | Default | Meaning |",
    "| --- | --- | --- | --- |",
    ...lines.map((line) => `| ${line} |`),
  ].join("\n");
}

const cell = (text: string) => text.replaceAll("|", "\\|");

/** The rows of everything below a schema. */
function rows(schema: z.core.$ZodType, prefix: string): Row[] {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodObject) return objectRows(inner, prefix);
  if (inner instanceof z.ZodArray) return rows(inner.element, `${prefix}[]`);
  if (inner instanceof z.ZodRecord) return rows(inner.valueType, `${prefix}.<name>`);
  if (inner instanceof z.ZodDiscriminatedUnion) {
    return variants(inner).flatMap((option) =>
      objectRows(option, prefix, `${inner.def.discriminator}: ${String(discriminatorValue(inner, option))}`),
    );
  }
  return [];
}

function objectRows(object: z.ZodObject, prefix: string, variant = ""): Row[] {
  return Object.entries(keysOf(object)).flatMap(([key, child]) => {
    const path = `${prefix}.${key}`;
    // The discriminator's own row already says which variant it chooses.
    const note = variant.startsWith(`${key}: `) ? "" : variant;
    return [row(path, child, note), ...(hasKeys(child) ? rows(child, path) : [])];
  });
}

/** Whether keys of the schema stand below it. */
function hasKeys(schema: z.core.$ZodType): boolean {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodArray) return hasKeys(inner.element);
  return inner instanceof z.ZodObject || inner instanceof z.ZodDiscriminatedUnion;
}

function row(path: string, schema: z.core.$ZodType, variant: string): Row {
  return {
    key: `\`${path.replace(/^\./, "")}\`${variant === "" ? "" : ` (${variant})`}`,
    type: typeOf(schema),
    fallback: defaultOf(schema),
    meaning: meaning(schema),
  };
}

function typeOf(schema: z.core.$ZodType): string {
  const wording = wordingOf(schema);
  if (wording !== undefined) return wording.type ?? wording.expected;
  const inner = unwrap(schema);
  if (inner instanceof z.ZodArray) return `list of ${plural(typeOf(inner.element))}`;
  if (inner instanceof z.ZodObject || inner instanceof z.ZodDiscriminatedUnion) return "mapping";
  if (inner instanceof z.ZodLiteral || inner instanceof z.ZodEnum)
    return `\`${expectation(inner).replaceAll(/, | or /g, "`, `")}\``;
  return expectation(inner).replace(/^a whole number/, "whole number");
}

const plural = (type: string) => (type.endsWith("s") ? type : `${type}s`);

const MANDATORY = "mandatory";

/** The default as it would stand in the file. */
function defaultOf(schema: z.core.$ZodType): string {
  if (schema instanceof z.ZodPrefault && hasKeys(schema)) return "as below";
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return `\`${printed(schema, schema.def.defaultValue)}\``;
  if (schema instanceof z.ZodOptional) return "none";
  return MANDATORY;
}

function printed(schema: z.core.$ZodType, value: unknown): string {
  const print = wordingOf(schema)?.print;
  return print === undefined ? stringify(value, { collectionStyle: "flow" }).trim() : print(value as never);
}

function meaning(schema: z.core.$ZodType): string {
  const description = z.globalRegistry.get(schema)?.description;
  if (description === undefined) throw new Error("a key of the configuration schema has no description");
  return description;
}

if (require.main === module) writeFileSync(DOCUMENT, withTables(readFileSync(DOCUMENT, "utf8")));
