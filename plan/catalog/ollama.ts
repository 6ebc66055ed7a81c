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

/** Disk that a release of Ollama takes on a host, in bytes. */
export interface OllamaDisk {
  /** The archive as it is sent, until it is unpacked. */
  readonly archive: number;
  /** What it becomes, with what CUDA compiles beside it. */
  readonly unpacked: number;
}

const GIB = 2 ** 30;

/**
 * No publisher states a release's sizes, so these are bounds. GitHub takes no file of 2 GiB or more, for which the archive
 * went over to zstd at 1.1 GiB, before MLX came in: ollama/ollama#13651. Its libraries were 3 GB then: ollama/ollama#13299.
 */
export const OLLAMA_OFFICIAL: OllamaDisk = { archive: 2 * GIB, unpacked: 5 * GIB };

/** A build of one's own for a sandbox is for CPUs alone: some tens of megabytes. */
export const OLLAMA_BUILT_HERE: OllamaDisk = { archive: GIB / 4, unpacked: GIB };
