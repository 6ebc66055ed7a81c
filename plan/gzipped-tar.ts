import { gzipSync } from "node:zlib";
import { createTar } from "nanotar";

/** Files of root's, for root alone, as `tar -xz` reads them. @param at their time, ISO 8601 */
export function gzippedTar(files: readonly { readonly path: string; readonly data: Buffer }[], at: string): Uint8Array {
  const attrs = { mode: "600", mtime: Date.parse(at), uid: 0, gid: 0, user: "root", group: "root" };
  return gzipSync(createTar(files.map(({ path, data }) => ({ name: path, data, attrs }))));
}
