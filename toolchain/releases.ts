import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { ToolchainError } from "./failure";
import { PROJECT } from "./places";

const FILE = join(PROJECT, "plan", "catalog", "releases.yaml");

const archive = z.strictObject({
  url: z.url(),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
});

const catalogSchema = z.strictObject({
  ollama: z.record(
    z.string(),
    z.strictObject({
      source: z.url(),
      date: z.string(),
      checksums: z.url(),
      module: z.string(),
      archives: z.strictObject({ amd64: archive, arm64: archive }),
    }),
  ),
});

/** Where a release of Ollama comes from. */
export type OllamaRelease = z.output<typeof catalogSchema>["ollama"][string];

/** The catalogue's entry for a version. @throws ToolchainError for a version that it does not have */
export function ollamaRelease(version: string): OllamaRelease {
  const { ollama } = catalogSchema.parse(parse(readFileSync(FILE, "utf8")));
  const release = ollama[version];
  if (release !== undefined) return release;
  throw new ToolchainError(
    `Ollama ${version} cannot be delivered.`,
    `the release catalogue has only ${Object.keys(ollama).join(", ")}`,
    `Set \`engine.version\` in the stack file to one of them, or add ${version} to plan/catalog/releases.yaml.`,
    4,
  );
}
