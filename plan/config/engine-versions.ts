import { z } from "zod";
import { TRANSFORMERS_VERSIONS } from "../catalog/transformers";
import { VLLM_FLOOR, VLLM_VERSIONS } from "../catalog/vllm";
import { wordings } from "./wording";

/** Ollama releases that the catalogue can deliver; the first is the default, which also builds where there is no internet. */
export const OLLAMA_VERSIONS = ["0.17.4", "0.17.7"] as const;

/** Below it, CVE-2026-7482 lets a client read the server's memory through `/api/create` and `/api/push`. */
const OLLAMA_FLOOR = "0.17.1";

interface Versions {
  readonly known: readonly string[];
  /** What is wrong with versions below the floor. */
  readonly unsafe?: { readonly floor: string; readonly flaw: string };
}

const OLLAMA: Versions = {
  known: OLLAMA_VERSIONS,
  unsafe: { floor: OLLAMA_FLOOR, flaw: "leak the server's memory (CVE-2026-7482)" },
};

const VLLM: Versions = {
  known: VLLM_VERSIONS,
  unsafe: { floor: VLLM_FLOOR, flaw: "let a crafted Host header pass the key check (CVE-2026-48746)" },
};

const TRANSFORMERS: Versions = { known: TRANSFORMERS_VERSIONS };

function hint(version: string, { known, unsafe }: Versions): string | undefined {
  if (unsafe && /^\d+\.\d+\.\d+$/.test(version) && isOlder(version, unsafe.floor))
    return `Versions before ${unsafe.floor} ${unsafe.flaw}.`;
  const released = known.find((name) => version === `v${name}`);
  return released === undefined ? undefined : `Write "${released}".`;
}

function isOlder(version: string, other: string): boolean {
  return version.localeCompare(other, "en", { numeric: true }) < 0;
}

const versionOf = (versions: Versions) =>
  z
    .string()
    .superRefine((version, context) => {
      if (versions.known.includes(version)) return;
      context.addIssue({ code: "custom", params: { hint: hint(version, versions) } });
    })
    .register(wordings, {
      expected: `a version of the release catalogue: ${versions.known.map((version) => `"${version}"`).join(", ")}`,
      type: "version",
    });

/** A version of Ollama that can be deployed. */
export const ollamaVersion = () => versionOf(OLLAMA);

/** A version of vLLM that can be deployed. */
export const vllmVersion = () => versionOf(VLLM);

/** A version of Transformers that can be deployed. */
export const transformersVersion = () => versionOf(TRANSFORMERS);
