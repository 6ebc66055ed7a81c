import { createHash } from "node:crypto";
import type { ResolvedModel, ResolvedOllama } from "../sizing/resolved";
import { plannedFile } from "../render/payload";
import type { PlannedArtifact, Step } from "../step";
import { LOAD_TIMEOUT_SECONDS } from "./ollama";

/** Where a delivered file lies on the host. */
const incoming = (artifact: PlannedArtifact) => `/var/lib/tms-llm-incoming/${artifact.sha256}`;

/** The Modelfile of one model: FROM, ADAPTER, SYSTEM, and parameters with the context pinned. */
export function modelfile(
  model: ResolvedModel,
  files: { readonly weights?: PlannedArtifact; readonly adapter?: PlannedArtifact },
): string {
  const from = files.weights ? incoming(files.weights) : model.source.replace(/^ollama:/, "");
  const parameters = { num_ctx: model.context, ...ownParameters(model), ...model.parameters };
  return [
    `FROM ${from}`,
    ...(files.adapter ? [`ADAPTER ${incoming(files.adapter)}`] : []),
    ...Object.entries(parameters).map(
      ([name, value]) => `PARAMETER ${name} ${typeof value === "string" ? JSON.stringify(value) : value}`,
    ),
    ...(model.system === undefined ? [] : [`SYSTEM """${model.system}"""`]),
    "",
  ].join("\n");
}

/**
 * The engine's threads wait for one another after every layer by spinning. A layer of the tiny model is shorter than that
 * wait: on two busy processors 150 tokens took 76 s with two threads, and 0.03 s with one.
 */
const ownParameters = ({ source }: ResolvedModel) => (source === "builtin:tiny" ? { num_thread: 1 } : {});

/** A step name for a model: its name in kebab case, with a few digits of its hash so that no two collide. */
function stepName(model: ResolvedModel): string {
  const readable = model.name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 32);
  return `model-${readable}-${createHash("sha256").update(model.name).digest("hex").slice(0, 6)}`;
}

/** How a model is asked: for an answer, or for a vector. */
export const useOf = ({ role }: Pick<ResolvedModel, "role">) => (role === "embedding" ? "embeddings" : "answers");

/** One step per model: made from its Modelfile, proven by one completion, or one embedding. */
export function modelStep(
  model: ResolvedModel,
  engine: ResolvedOllama,
  files: { weights?: PlannedArtifact; adapter?: PlannedArtifact },
): Step {
  const name = stepName(model);
  const path = `/opt/llm/modelfiles/${name}`;
  return {
    name,
    phase: "model",
    title: `model ${model.name} from ${model.source}, context ${model.context}`,
    script: "model.sh",
    inputs: {
      name: model.name,
      modelfile: path,
      use: useOf(model),
      load_timeout: String(LOAD_TIMEOUT_SECONDS),
      device: engine.device,
      // A file is held to its checksum before it is sent.
      weights_sha256: files.weights === undefined ? (model.sha256 ?? "") : "",
    },
    files: [plannedFile(path, modelfile(model, files))],
    artifacts: [files.weights, files.adapter].filter((artifact) => artifact !== undefined),
    secrets: [],
  };
}
