import type { LocatedFault } from "./faults";

/** Ollama releases that the catalogue can deliver with a checksum, newest first. */
export const OLLAMA_VERSIONS: readonly string[] = ["0.17.4"];

/** Below it, CVE-2026-7482 lets a client read the server's memory through `/api/create` and `/api/push`. */
const OLLAMA_FLOOR = "0.17.1";

const path = ["engine", "version"] as const;

/** Why a version of Ollama can't be deployed, if it can't. */
export function ollamaVersionFault(version: string): LocatedFault | undefined {
  if (OLLAMA_VERSIONS.includes(version)) return undefined;
  const expected = `a version of the release catalogue: ${OLLAMA_VERSIONS.join(", ")}`;
  const found = JSON.stringify(version);
  if (/^\d+\.\d+\.\d+$/.test(version) && isOlder(version, OLLAMA_FLOOR)) {
    return { path, found, expected, hint: `Versions before ${OLLAMA_FLOOR} leak the server's memory (CVE-2026-7482).` };
  }
  const tag = OLLAMA_VERSIONS.find((known) => version === `v${known}`);
  return { path, found, expected, ...(tag === undefined ? {} : { hint: `Write "${tag}".` }) };
}

function isOlder(version: string, other: string): boolean {
  return version.localeCompare(other, "en", { numeric: true }) < 0;
}
