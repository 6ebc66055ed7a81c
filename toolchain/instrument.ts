import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** A program that only tests use, on PATH already (then `folder` is undefined) or in a folder of the cache. */
export interface Instrument {
  readonly folder?: string;
}

/** Looks on PATH first, then in the cache's folder. */
export function findInstrument(program: string, folder: string): Instrument | undefined {
  const onPath = (process.env["PATH"] ?? "").split(delimiter).some((place) => executable(join(place, program)));
  if (onPath) return {};
  return executable(join(folder, program)) ? { folder } : undefined;
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
