import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { parseTar } from "nanotar";
import { z } from "zod";
import { gzippedTar } from "../gzipped-tar";

/**
 * A backup before it is encrypted: a gzipped tar, so that `age --decrypt FILE | tar -xz` opens it without this project. First
 * comes the manifest, then the files under their paths in a clone.
 */

/** Path in the clone → content. */
export type BackupFiles = Readonly<Record<string, string>>;

export interface Backup {
  readonly stack: string;
  /** When it was made, ISO 8601, UTC. */
  readonly at: string;
  readonly files: BackupFiles;
}

/** Not a backup, or not the one that was made. The message goes on from the file's name. */
export class SpoiltBackup extends Error {}

const MANIFEST = "manifest.json";

const manifestSchema = z.strictObject({
  schema: z.literal("tms-llm/backup/v1"),
  stack: z.string(),
  at: z.iso.datetime(),
  files: z.array(
    z.strictObject({
      path: z.string(),
      bytes: z.number().int().nonnegative(),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
});

const sha256 = (content: Uint8Array) => createHash("sha256").update(content).digest("hex");

export function packBackup({ stack, at, files }: Backup): Uint8Array {
  const contents = Object.entries(files).map(([path, text]) => ({ path, data: Buffer.from(text) }));
  const manifest: z.output<typeof manifestSchema> = {
    schema: "tms-llm/backup/v1",
    stack,
    at,
    files: contents.map(({ path, data }) => ({ path, bytes: data.length, sha256: sha256(data) })),
  };
  const entries = [{ path: MANIFEST, data: Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`) }, ...contents];
  return gzippedTar(entries, at);
}

/** @throws SpoiltBackup for what is no backup, is of another version, or whose files are not those of its manifest */
export function unpackBackup(archive: Uint8Array): Backup {
  const found = readTar(archive);
  const manifest = readManifest(found.get(MANIFEST));
  found.delete(MANIFEST);
  const files = manifest.files.map(({ path, bytes, sha256: expected }): [string, string] => {
    const data = found.get(path);
    found.delete(path);
    if (data === undefined) throw new SpoiltBackup(`lacks ${path}, which its manifest names`);
    if (data.length !== bytes || sha256(data) !== expected)
      throw new SpoiltBackup(`is damaged: ${path} is not what its manifest says`);
    return [path, Buffer.from(data).toString("utf8")];
  });
  const stray = [...found.keys()];
  if (stray.length > 0) throw new SpoiltBackup(`holds ${stray.join(", ")}, which its manifest does not name`);
  return { stack: manifest.stack, at: manifest.at, files: Object.fromEntries(files) };
}

function readTar(archive: Uint8Array): Map<string, Uint8Array> {
  try {
    // Copied: nanotar takes the whole memory that lies behind a view.
    const tar = new Uint8Array(gunzipSync(archive));
    return new Map(parseTar(tar).map(({ name, data }) => [name, data ?? new Uint8Array()]));
  } catch {
    throw new SpoiltBackup("is no backup: inside the encryption there is no gzipped tar");
  }
}

function readManifest(data: Uint8Array | undefined): z.output<typeof manifestSchema> {
  if (data === undefined) throw new SpoiltBackup(`is no backup: there is no ${MANIFEST} in it`);
  try {
    return manifestSchema.parse(JSON.parse(Buffer.from(data).toString("utf8")));
  } catch {
    throw new SpoiltBackup("has a manifest that this version cannot read; it reads tms-llm/backup/v1");
  }
}
