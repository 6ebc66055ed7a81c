import type { ResolvedConfig } from "./sizing/resolved";
import { existingSchema } from "./config/existing";
import type { StackConfig } from "./config/schema";
import type { Step } from "./step";

/** Installations that were on the host before: which of their units this deployment takes the place of. */

export type Existing = StackConfig["existing"];

/** What a stack file without a word about them says. */
export const DEFAULT_EXISTING: Existing = existingSchema.parse({});

type EngineChoice = Existing["ollama"];

/** Units that other installations of an LLM server use. */
const FOREIGN_ENGINE = /^(ollama|kanana-llm|llm-.+)\.service$/;

/** What the stack file says about a unit; undefined for one that is no LLM server. */
export function choiceFor(
  unit: string | null,
  existing: Existing,
): { key: "ollama" | "kanana" | "others"; choice: EngineChoice } | undefined {
  if (unit === null || !FOREIGN_ENGINE.test(unit)) return undefined;
  const key = unit === "ollama.service" ? "ollama" : unit === "kanana-llm.service" ? "kanana" : "others";
  return { key, choice: existing[key] };
}

/** Names of units, as shell patterns, that are to be stopped. */
function adoptedUnits(existing: Existing): string[] {
  return [
    ...(existing.ollama === "adopt" ? ["ollama.service"] : []),
    ...(existing.kanana === "adopt" ? ["kanana-llm.service"] : []),
    ...(existing.others === "adopt" ? ["llm-*.service"] : []),
  ];
}

/** Before the engine: the former ones rest, and what they have downloaded is taken over. Undefined where none is adopted. */
export function existingStep({ existing, engine, models }: ResolvedConfig): Step | undefined {
  const units = adoptedUnits(existing);
  if (units.length === 0) return undefined;
  const takesModels = engine.kind === "ollama" && existing.ollama === "adopt";
  return {
    name: "existing",
    phase: "engine",
    title: `in the place of ${units.join(", ")}`,
    script: "existing.sh",
    inputs: {
      units: units.join("\n"),
      manifests: takesModels ? models.flatMap(({ source }) => manifestPath(source) ?? []).join("\n") : "",
    },
    files: [],
    artifacts: [],
    secrets: [],
  };
}

/** Where Ollama keeps the manifest of a source, below `manifests/` in its store; undefined for what it does not download. */
export function manifestPath(source: string): string | undefined {
  const named = /^(?:ollama:(?<library>.+)|(?<repository>hf\.co\/.+))$/.exec(source)?.groups;
  if (named === undefined) return undefined;
  const name = named["library"] ?? named["repository"]!;
  const [path = "", tag = "latest"] = splitTag(name);
  const parts = path.split("/");
  // What Ollama puts in front of a name that lacks a part.
  const defaults = ["registry.ollama.ai", "library"];
  return [...defaults.slice(0, Math.max(0, 3 - parts.length)), ...parts, tag].join("/");
}

/** A port of a registry has a colon too; a tag has no slash behind it. */
function splitTag(name: string): string[] {
  const colon = name.lastIndexOf(":");
  return colon > name.lastIndexOf("/") ? [name.slice(0, colon), name.slice(colon + 1)] : [name];
}
