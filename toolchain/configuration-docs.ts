import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { z } from "zod";
import { APPLICATION_VARIABLES } from "../plan/application";
import { type Server, SERVERS } from "../plan/catalog/servers";
import { stackSchema } from "../plan/config/schema";
import { discriminatorValue, expectation, keysOf, unwrap, variants, wordingOf } from "../plan/config/schema-tree";

/** Prints the tables of the documents below from the code that they describe: `tsx toolchain/configuration-docs.ts`. */

interface Generated {
  /** Below `docs/`. */
  readonly document: string;
  /** Where the text comes from. */
  readonly source: string;
  readonly text: () => string;
}

/** The documents that have a generated part. */
export const GENERATED: readonly Generated[] = [
  { document: "configuration.md", source: "plan/config/schema.ts", text: configurationTables },
  { document: "operate/application.md", source: "plan/application.ts", text: variableTable },
  { document: "operate/mirrors.md", source: "plan/catalog/servers.ts", text: serverTables },
];

const END = "<!-- end: generated -->";

interface Row {
  readonly key: string;
  readonly type: string;
  readonly fallback: string;
  readonly meaning: string;
}

/** The document with the text between its markers made anew. */
export function withTables(document: string, { source, text }: Generated): string {
  const marker = `<!-- begin: generated from ${source} by toolchain/configuration-docs.ts -->`;
  const begin = document.indexOf(marker);
  const end = document.indexOf(END);
  if (begin === -1 || end < begin) throw new Error(`the document lacks the lines ${marker} and ${END}`);
  return `${document.slice(0, begin + marker.length)}\n\n${text()}\n\n${document.slice(end)}`;
}

/** The variables of an application's env file. */
function variableTable(): string {
  const lines = APPLICATION_VARIABLES.map(({ name, meaning }) => `| \`${name}\` | ${cell(meaning)} |`);
  return ["| Variable | Meaning |", "| --- | --- |", ...lines].join("\n");
}

/** Who has to be reached: a table for the host, and one for this machine. */
function serverTables(): string {
  const all: readonly Server[] = Object.values(SERVERS);
  return (["host", "this machine"] as const)
    .map((who) =>
      [
        `**${who === "host" ? "The host" : "This machine"} asks**`,
        serverTable(all.filter(({ asks }) => asks === who)),
      ].join("\n\n"),
    )
    .join("\n\n");
}

function serverTable(servers: readonly Server[]): string {
  const place = ({ urls, leadsTo = [] }: Server) => {
    if (urls.length === 0) return "as its own configuration says";
    const names = (hosts: readonly string[], between: string) => hosts.map((host) => `\`${host}\``).join(between);
    const further = leadsTo.length === 0 ? "" : `, which leads to ${names(leadsTo, ", ")}`;
    return names([...new Set(urls.map((url) => new URL(url).host))], " or ") + further;
  };
  const lines = servers.map((server) =>
    [`${place(server)}${server.source === "memory" ? " ¹" : ""}`, server.what, server.when, server.instead]
      .map(cell)
      .join(" | "),
  );
  return ["| Server | for | when | instead |", "| --- | --- | --- | --- |", ...lines.map((line) => `| ${line} |`)].join(
    "\n",
  );
}

/** One heading and one table per key at the top of a stack file. */
function configurationTables(): string {
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

if (require.main === module) {
  for (const generated of GENERATED) {
    const file = join(__dirname, "..", "docs", generated.document);
    writeFileSync(file, withTables(readFileSync(file, "utf8"), generated));
  }
}
