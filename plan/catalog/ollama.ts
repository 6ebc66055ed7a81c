import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";

/** Releases of Ollama that can be put on a host: `releases.yaml`, checked. */

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

/** By version. */
export const OLLAMA_RELEASES: Readonly<Record<string, OllamaRelease>> = catalogSchema.parse(
  parse(readFileSync(join(__dirname, "releases.yaml"), "utf8")),
).ollama;

/** The release's archive for an architecture, in Debian's word; undefined where its publisher has none. */
export function releasedArchive(
  { archives }: OllamaRelease,
  architecture: string,
): OllamaRelease["archives"]["amd64"] | undefined {
  return architecture === "amd64" || architecture === "arm64" ? archives[architecture] : undefined;
}
