import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface PluginName {
  readonly name: string;
  readonly version: string;
}

/** Which plugins of a Pulumi home are stand-ins; kept beside them as `stand-ins.json`. */
export interface Marker {
  /** Plugin name → version, for stand-ins only. */
  readonly plugins: Readonly<Record<string, string>>;
  /** What they were built from. */
  readonly sources?: string;
  /** When the official ones were last found to be out of reach (ISO 8601). */
  readonly checked?: string;
}

/** How long stand-ins are used before the official plugins are tried again: looking costs up to a second. */
const RETRY_HOURS = 24;

export function markerFile(home: string): string {
  return join(home, "stand-ins.json");
}

export function readMarker(home: string): Marker {
  const file = markerFile(home);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Marker) : { plugins: {} };
}

/** Whether some stand-in must be looked at again: not allowed here, made from other sources, or due for another try. */
export function standInsDue(
  marker: Marker,
  wanted: readonly PluginName[],
  { allowStandIns, now }: { allowStandIns: boolean; now: Date },
): boolean {
  if (!wanted.some(({ name, version }) => marker.plugins[name] === version)) return false;
  if (!allowStandIns || marker.sources !== standInSources()) return true;
  const checked = marker.checked === undefined ? 0 : Date.parse(marker.checked);
  return now.getTime() - checked > RETRY_HOURS * 3_600_000;
}

/** Checksum of the stand-ins' own sources; what they bundle from npm is pinned by the lock file, which counts too. */
export function standInSources(): string {
  const hash = createHash("sha256");
  const folder = join(__dirname, "stand-ins");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .sort();
  for (const name of files) hash.update(`${name}\0`).update(readFileSync(join(folder, name)));
  hash.update(readFileSync(join(__dirname, "..", "package-lock.json")));
  return hash.digest("hex");
}
