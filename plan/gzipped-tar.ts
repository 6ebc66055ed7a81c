import { gzipSync } from "node:zlib";
import { createTar, type TarFileInput } from "nanotar";

/** One record of GNU tar. */
const RECORD_BYTES = 10_240;

/**
 * A tar that every tar reads without a word. nanotar fills up the last record, which does not always leave room for the two
 * blocks of zeros that end an archive: then GNU tar complains of a lone zero block.
 */
export const gzipped = (entries: TarFileInput[]): Buffer =>
  gzipSync(Buffer.concat([createTar(entries), Buffer.alloc(RECORD_BYTES)]));

/** Files of root's, for root alone, as `tar -xz` reads them. @param at their time, ISO 8601 */
export function gzippedTar(files: readonly { readonly path: string; readonly data: Buffer }[], at: string): Uint8Array {
  const attrs = { mode: "600", mtime: Date.parse(at), uid: 0, gid: 0, user: "root", group: "root" };
  return gzipped(files.map(({ path, data }) => ({ name: path, data, attrs })));
}
