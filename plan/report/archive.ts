import { createHash } from "node:crypto";
import { gzippedTar } from "../gzipped-tar";
import type { RedactionCounts, ReportFiles } from "./redact";

/** A report as a file: a gzipped tar with one folder, its manifest first. */

export interface Report {
  readonly stack: string;
  /** When it was made, ISO 8601, UTC. */
  readonly at: string;
  /** Redacted. */
  readonly files: ReportFiles;
  /** What could not be had, by its path → why. Redacted. */
  readonly missing: Readonly<Record<string, string>>;
  /** Paths of files of which only the end is there. */
  readonly cut: readonly string[];
  readonly redacted: RedactionCounts;
  readonly withAddresses: boolean;
}

/** A file of the archive. */
export interface ReportEntry {
  /** Below the archive's folder. */
  readonly path: string;
  readonly data: Buffer;
}

/** Name of a report's folder, and of its file before `.tar.gz`. */
export const reportName = (stack: string, at: string) => `${stack}-${at.replaceAll(/[-:]|\.\d+/g, "")}`;

/** All files as they are written, in their order. */
export function reportEntries({ stack, at, files, missing, cut, redacted, withAddresses }: Report): ReportEntry[] {
  const contents = Object.entries({ ...files, ...errorsFile(missing) })
    .map(([path, text]) => ({ path, data: Buffer.from(text.endsWith("\n") ? text : `${text}\n`) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  const manifest = {
    schema: "tms-llm/report/v1",
    stack,
    at,
    withAddresses,
    redacted,
    missing,
    files: contents.map(({ path, data }) => ({
      path,
      bytes: data.length,
      sha256: createHash("sha256").update(data).digest("hex"),
      ...(cut.includes(path) ? { cut: true } : {}),
    })),
  };
  return [{ path: "manifest.json", data: Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`) }, ...contents];
}

/** The same for people, where something is missing. */
function errorsFile(missing: Report["missing"]): ReportFiles {
  const lines = Object.entries(missing).map(([path, why]) => `${path}: ${why}`);
  return lines.length === 0 ? {} : { "errors.txt": lines.join("\n") };
}

export const packReport = ({ stack, at }: Report, entries: readonly ReportEntry[]): Uint8Array =>
  gzippedTar(
    entries.map(({ path, data }) => ({ path: `${reportName(stack, at)}/${path}`, data })),
    at,
  );
