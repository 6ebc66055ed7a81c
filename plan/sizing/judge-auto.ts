import { findModel } from "../catalog/models";
import { pinnedRepository } from "../config/model-source";
import type { StackConfig } from "../config/schema";
import type { Refusal } from "../preflight/refusal";
import type { Candidate } from "./resolved";

/** Why `auto` has no answer. */

export function factsMissing(stack: string): Refusal {
  return {
    id: "facts-missing",
    what: `Something is left on auto, and facts.${stack}.yaml is not there to choose by`,
    found: "no facts file",
    needed: "the host's measured facts",
    wayOut: `npm run facts -- ${stack} measures the host and writes the file; npm run up does it by itself; or write context and engine.parallel as numbers`,
  };
}

/** What is left on `auto` cannot be chosen by a GPU that no driver has measured yet. */
export function afterDriver(refusal: Refusal, stack: string): Refusal {
  if (refusal.id !== "gpu-driver-absent") return refusal;
  return {
    ...refusal,
    wayOut: `write context and engine.parallel as numbers for the first up, which installs the driver; then npm run facts -- ${stack} measures the GPU, and auto has an answer`,
  };
}

/** Whether `auto` can be answered for one model. */
export function judgeAuto({ model, match }: Candidate, { engine }: StackConfig): Refusal[] {
  const involved = model.context === "auto" || ("parallel" in engine && engine.parallel === "auto");
  const stated = engine.kind === "ollama" && model.memory !== undefined && model.context !== "auto";
  if (match || model.source === "builtin:tiny" || stated) return [];
  const numbers = involved
    ? "write its context and engine.parallel as numbers, with the memory that it needs"
    : "write the memory that it needs";
  const known = findModel(model.source, model.catalog);
  if (known) {
    return [
      {
        id: "model-unverified",
        what: `Nobody has verified how large ${model.name} is, so nothing is computed from it`,
        found: `${known.model.id} in the catalogue, unverified: ${known.model.unverified.join(", ")}`,
        needed: "verified numbers for what is left on auto",
        wayOut: `${numbers}; or read its config.json at ${known.model.source}, complete plan/catalog/models.yaml and take the mark away; or choose a verified model (npm run models)`,
      },
    ];
  }
  const own = pinnedRepository(model.source) ? "repository" : /^(file|folder):/.exec(model.source)?.[1];
  const file = own
    ? `; if the ${own} holds a model of the catalogue, name it: catalog: kanana-1.5-8b:${own === "file" ? "Q4_K_M" : "bf16"}`
    : "";
  return [
    {
      id: "model-unknown",
      what: `The catalogue does not know ${model.name}, so nothing can be computed for it`,
      found: model.source,
      needed: "a model of the catalogue for what is left on auto",
      wayOut: `${numbers}${file}; or add it to plan/catalog/models.yaml; npm run models lists what is there`,
    },
  ];
}
