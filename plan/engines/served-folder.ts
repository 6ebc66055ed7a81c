import { createHash } from "node:crypto";
import { PYTHON_ENGINES } from "../catalog/python-engines";
import { gpuUnitSlots } from "../gpu";
import type { ResolvedModel } from "../sizing/resolved";
import { plannedFile } from "../render/payload";
import { ENGINE_UNIT, type PlannedFile, type SecretReference, type Step } from "../step";
import { engineHome, type PythonFiles, releaseFolder, type ResolvedPythonEngine } from "./python-environment";

/** One model that an engine in Python serves from a folder, behind a Unix socket. */

/** Longest wait for a start, in seconds: large weights on slow disks, kernels compiled for the card. */
const START_TIMEOUT_SECONDS = 1800;

/** Seconds beyond the drain until the processes are killed: a client that never closes would hold a stop for ever. */
const STOP_RESERVE_SECONDS = 15;

const stopTimeout = (drain: number) => String(Math.ceil(drain) + STOP_RESERVE_SECONDS);

/** Lines of a unit for `memoryMax`. */
const memoryLimit = (memoryMax: number | undefined) =>
  memoryMax === undefined ? "# No MemoryMax: the stack file sets none." : `MemoryMax=${memoryMax}`;

/** What the template of the unit leaves open; `devices` are the lines that only one of the variants can bear. */
export const unitSlots = ({ variant, drain, memoryMax }: ResolvedPythonEngine, devices: string) => ({
  ...gpuUnitSlots(variant === "cuda" ? "gpu" : "any"),
  stopTimeout: stopTimeout(drain),
  memoryMax: memoryLimit(memoryMax),
  devices,
});

/**
 * nginx's workers may enter the folder, and nobody else; systemd makes it anew at each start. SELinux's policies label
 * `/run/httpd.*` as run files of nginx's domain (selinux-policy's apache.fc), which systemd follows when it makes the folder.
 */
export const engineSocket = (kind: ResolvedPythonEngine["kind"]) => `/run/httpd-llm-${kind}/engine.sock`;

export const environmentFile = (kind: ResolvedPythonEngine["kind"]) => `/etc/tms-llm/${kind}.env`;

export interface ServedParts {
  /** Files of the deployment by their name in its folder; another text is another deployment. */
  readonly deployment: Readonly<Record<string, string>>;
  readonly environment: string;
  readonly unit: string;
  /** The key between nginx and the engine; it stands in the environment's file under `VLLM_API_KEY`. */
  readonly key?: SecretReference;
}

/** Where the weights lie on the host. */
export function weightsFolder(
  { kind }: ResolvedPythonEngine,
  { source }: ResolvedModel,
  { weights, fetched }: PythonFiles,
): string {
  if (weights !== undefined) return `/opt/llm/models/${kind}/${weights.sha256.slice(0, 12)}`;
  return fetched?.folder ?? source.slice("folder:".length);
}

/** The unit, serving one model; proven by one completion before the former deployment is given up. */
export function servedModelStep(
  engine: ResolvedPythonEngine,
  model: ResolvedModel,
  files: PythonFiles,
  parts: ServedParts,
): Step {
  const { kind } = engine;
  const home = engineHome(kind);
  const name = createHash("sha256")
    .update(`${releaseFolder(engine)}\n${Object.values(parts.deployment).join("")}`)
    .digest("hex")
    .slice(0, 12);
  const deployment = `${home}/deployments/${name}`;
  const unit = ENGINE_UNIT[kind];
  const deployed: PlannedFile[] = Object.entries(parts.deployment).map(([file, text]) =>
    plannedFile(`${deployment}/${file}`, text),
  );
  return {
    name: `${kind}-model`,
    phase: "model",
    title: `model ${model.name} from ${model.source}, context ${model.context}, by ${unit}`,
    script: "served-folder.sh",
    inputs: {
      engine: kind,
      product: PYTHON_ENGINES[kind].product,
      unit,
      home,
      model: model.name,
      variant: engine.variant,
      release: releaseFolder(engine),
      deployment,
      weights: weightsFolder(engine, model, files),
      weights_sha256: files.weights === undefined ? (model.sha256 ?? "") : "",
      socket: engineSocket(kind),
      key_file: parts.key === undefined ? "" : environmentFile(kind),
      start_timeout: String(START_TIMEOUT_SECONDS),
      drain: String(Math.ceil(engine.drain)),
      ...files.fetched?.inputs,
    },
    files: [
      ...(files.fetched?.files ?? []),
      ...deployed,
      plannedFile(environmentFile(kind), parts.environment, "root:root", "0600"),
      plannedFile(`/etc/systemd/system/${unit}`, parts.unit),
    ],
    artifacts: files.weights ? [files.weights] : [],
    secrets: parts.key === undefined ? [] : [parts.key],
  };
}
