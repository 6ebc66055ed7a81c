import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of a file backend; undefined for every other backend. */
export const backendFolder = (url: string | undefined): string | undefined =>
  url?.startsWith("file:///") === true ? fileURLToPath(url) : undefined;

/** Whether nothing was ever kept there. Other backends than folders are never known to be empty. */
export function isEmptyBackend(url: string | undefined): boolean {
  const folder = backendFolder(url);
  return folder !== undefined && !existsSync(join(folder, ".pulumi"));
}
