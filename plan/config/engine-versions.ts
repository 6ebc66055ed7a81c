import { z } from "zod";
import { wordings } from "./wording";

/** Ollama releases that the catalogue can deliver; the first is the default, which also builds where there is no internet. */
export const OLLAMA_VERSIONS = ["0.17.4", "0.17.7"] as const;

/** Below it, CVE-2026-7482 lets a client read the server's memory through `/api/create` and `/api/push`. */
const OLLAMA_FLOOR = "0.17.1";

function hint(version: string): string | undefined {
  if (/^\d+\.\d+\.\d+$/.test(version) && isOlder(version, OLLAMA_FLOOR)) {
    return `Versions before ${OLLAMA_FLOOR} leak the server's memory (CVE-2026-7482).`;
  }
  const released = OLLAMA_VERSIONS.find((known) => version === `v${known}`);
  return released === undefined ? undefined : `Write "${released}".`;
}

function isOlder(version: string, other: string): boolean {
  return version.localeCompare(other, "en", { numeric: true }) < 0;
}

/** A version of Ollama that can be deployed. */
export const ollamaVersion = () =>
  z
    .string()
    .superRefine((version, context) => {
      const known: readonly string[] = OLLAMA_VERSIONS;
      if (!known.includes(version)) context.addIssue({ code: "custom", params: { hint: hint(version) } });
    })
    .register(wordings, {
      expected: `a version of the release catalogue: ${OLLAMA_VERSIONS.map((version) => `"${version}"`).join(", ")}`,
      type: "version",
    });
