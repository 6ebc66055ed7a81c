import { localArtifact } from "../artifacts";
import { OLLAMA_BUILT_HERE, OLLAMA_OFFICIAL } from "../catalog/ollama";
import { cpuMemory, PYTHON_ENGINES } from "../catalog/python-engines";
import { computeFloors } from "../compute-floor";
import type { Target } from "../config/schema";
import type { ResolvedConfig, ResolvedModel, ResolvedOllama } from "../sizing/resolved";
import { HOST_RESERVE_BYTES } from "../sizing/room";
import { engineDevice, gpuSteps } from "../gpu";
import type { Mount } from "../sandbox";
import type { PlanContext, RequirementContext } from "../plan-context";
import type { Requirements } from "../preflight";
import { ENGINE_UNIT, type PlannedArtifact, type Step } from "../step";
import { modelStep } from "./modelfile";
import { ollamaArchive, ollamaArtifact, ollamaFolder, ollamaStep } from "./ollama";
import { placedEngine, pythonFiles, releaseFolder, type ResolvedPythonEngine, wheelMounts } from "./python-environment";
import { lowestGlibc } from "./python-lock";
import { transformersModelStep, transformersStep } from "./transformers";
import { vllmModelStep, vllmStep } from "./vllm";

/** The engine of a stack, whichever it is: its steps, and what they ask of the host. */

/** The steps of the phases engine and model. */
export function engineSteps(config: ResolvedConfig, context: PlanContext): Step[] {
  const { engine } = config;
  return [...gpuSteps(engineDevice(engine, config.target, undefined), engine.kind), ...ownSteps(config, context)];
}

function ownSteps(config: ResolvedConfig, context: PlanContext): Step[] {
  const { engine } = config;
  switch (engine.kind) {
    case "ollama":
      return ollamaSteps(engine, config, context);
    case "vllm":
    case "transformers":
      return pythonSteps(engine, config, context);
    default:
      return engine satisfies never;
  }
}

function ollamaSteps(engine: ResolvedOllama, config: ResolvedConfig, context: PlanContext): Step[] {
  const archive = ollamaArchive(engine, config, context);
  return [
    ollamaStep(engine, config, archive),
    ...config.models.map((model) => modelStep(model, engine, modelFiles(model, context))),
  ];
}

function modelFiles(
  model: ResolvedModel,
  context: PlanContext,
): { weights?: PlannedArtifact; adapter?: PlannedArtifact } {
  const file = (source: string, sha256: string | undefined, name: string): PlannedArtifact => ({
    name,
    sha256: sha256 ?? "",
    source: { kind: "local", path: source.slice("file:".length) },
  });
  return {
    ...(model.source === "builtin:tiny" ? { weights: localArtifact(context.artifacts, "tiny-model", "weights") } : {}),
    ...(model.source.startsWith("file:") ? { weights: file(model.source, model.sha256, "weights") } : {}),
    ...(model.adapter ? { adapter: file(model.adapter, model.adapterSha256, "adapter") } : {}),
  };
}

function pythonSteps(written: ResolvedPythonEngine, config: ResolvedConfig, { artifacts }: PlanContext): Step[] {
  const [model] = config.models;
  const engine = placedEngine(written, config.target);
  const files = pythonFiles(engine, model!, config, artifacts);
  switch (engine.kind) {
    case "vllm":
      return [vllmStep(engine, files), vllmModelStep(engine, model!, files)];
    case "transformers":
      return [transformersStep(engine, files), transformersModelStep(engine, model!, files)];
    default:
      return engine satisfies never;
  }
}

/** Folders of this machine that a sandbox sees. */
export function sandboxMounts({ engine, target }: ResolvedConfig, { artifacts }: PlanContext): Mount[] {
  return engine.kind === "ollama" || target.kind !== "sandbox" ? [] : wheelMounts(engine.kind, artifacts);
}

type EngineRequirements = Pick<Requirements, "ports" | "architecture" | "glibc" | "lowestGlibc" | "pythonHeaders"> &
  Required<Pick<Requirements, "gpu" | "release">> & {
    /** Memory of the host that models do not get. */
    readonly memoryBytes: number;
  };

/** The archive of a release lies beside what it becomes while it is unpacked. */
function ollamaRelease(
  { version }: ResolvedOllama,
  target: Target,
  { architecture, artifacts = {} }: RequirementContext,
): Requirements["release"] & object {
  // What this machine has built goes to sandboxes alone.
  const builtHere =
    target.kind === "sandbox" && artifacts[ollamaArtifact(version, architecture)]?.origin === "local-build";
  const { archive, unpacked } = builtHere ? OLLAMA_BUILT_HERE : OLLAMA_OFFICIAL;
  return { folder: ollamaFolder(version), diskBytes: { "/opt": unpacked, "/var/lib": archive } };
}

/** What preflight demands for the engine. */
export function engineRequirements(
  { engine, target }: ResolvedConfig,
  context: RequirementContext,
): EngineRequirements {
  const only = engine.gpus === undefined ? {} : { only: engine.gpus };
  switch (engine.kind) {
    case "ollama":
      return {
        // Below 550 Ollama warns once and computes on the CPU.
        gpu: {
          required: engine.device === "gpu",
          ...(engine.device === "detect" ? { whereDriven: true } : {}),
          minimumDriver: 550,
          ...only,
        },
        release: ollamaRelease(engine, target, context),
        memoryBytes: HOST_RESERVE_BYTES,
        ports: [{ port: engine.port, unit: ENGINE_UNIT.ollama }],
      };
    case "vllm":
    case "transformers": {
      const { minimumDriver, installedBytes, python } = PYTHON_ENGINES[engine.kind].release(engine.version);
      return {
        gpu:
          engine.variant === "cuda"
            ? { required: true, minimumDriver, floors: computeFloors(engine), ...only }
            : { required: false },
        // The build for CPUs is for sandboxes alone.
        ...(engine.variant === "cuda" ? lockRequirements(engine) : {}),
        // A folder of packages has no Python in it; the index brings one with headers.
        ...(engine.variant === "cuda" && engine.packages !== "index" ? { pythonHeaders: python.cuda.series } : {}),
        release: { folder: releaseFolder(engine), diskBytes: { "/opt": installedBytes[engine.variant] } },
        memoryBytes: engine.variant === "cuda" ? HOST_RESERVE_BYTES : cpuMemory(engine.kind, kvCacheOf(engine)),
        ports: [],
      };
    }
    default:
      return engine satisfies never;
  }
}

const kvCacheOf = (engine: ResolvedPythonEngine) => (engine.kind === "vllm" ? engine.kvCacheMemory : undefined);

function lockRequirements(engine: ResolvedPythonEngine): Pick<Requirements, "architecture" | "glibc" | "lowestGlibc"> {
  const { architecture, minimumGlibc } = engine.lock;
  return { architecture, glibc: minimumGlibc, lowestGlibc: lowestGlibc(engine) };
}
