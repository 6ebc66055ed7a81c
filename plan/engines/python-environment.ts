import { createHash } from "node:crypto";
import { basename, dirname } from "node:path";
import { type ArtifactIndex, localArtifact } from "../artifacts";
import { type PythonLock, UV } from "../catalog/python";
import { PYTHON_ENGINES, type PythonEngineKind } from "../catalog/python-engines";
import type { Mirrors } from "../config/mirrors";
import type { Target } from "../config/schema";
import { wheelUrl } from "../mirrors";
import type { Mount } from "../sandbox";
import { plannedFile } from "../render/payload";
import { templateText } from "../render/template-files";
import type { ResolvedConfig, ResolvedModel, ResolvedTransformers, ResolvedVllm } from "../sizing/resolved";
import type { PlannedArtifact, Step } from "../step";
import { type FetchedWeights, fetchedWeights } from "./fetched-weights";

/** What the engines in Python have in common: the hash-locked environment of a release, in a folder of its own. */

export type ResolvedPythonEngine = ResolvedVllm | ResolvedTransformers;

/** Where a sandbox finds the wheels of this machine, read-only. */
const SANDBOX_WHEELS = "/srv/tms-llm/wheels";

/** Name of the installer's wheel in the artifact index; the other wheels of the engine lie beside it. */
export const uvArtifact = (kind: PythonEngineKind) => `${kind}-uv`;

/** Name of the empty CUDA libraries in the artifact index. */
export const cudaStubsArtifact = (kind: PythonEngineKind, version: string) => `${kind}-${version}-cuda-stubs`;

/** Everything of an engine on a host, but for its weights. */
export const engineHome = (kind: PythonEngineKind) => `/opt/llm/${kind}`;

const lockText = ({ kind, version, lock }: ResolvedPythonEngine) => templateText(`${kind}/${version}-${lock.name}.txt`);

/**
 * Folder of a release, by what its lock file says: a lock that was made anew is another release, installed beside the one
 * that serves and proven before the switch.
 */
export const releaseFolder = (engine: ResolvedPythonEngine): string => {
  const { kind, version, lock } = engine;
  const made = createHash("sha256").update(lockText(engine)).digest("hex").slice(0, 8);
  return `${engineHome(kind)}/${version}-${lock.name}-${made}`;
};

/** What a CPU's torch is told, so that it finds the libraries that stand in for CUDA's. */
export const libraryPath = (engine: ResolvedPythonEngine) =>
  engine.variant === "cpu" ? `LD_LIBRARY_PATH=${releaseFolder(engine)}/cuda-stubs` : "";

export interface PythonFiles {
  readonly uv: PlannedArtifact;
  /** Only for the CPU variant. */
  readonly cudaStubs?: PlannedArtifact;
  /** The weights as a tar archive, if they come from this machine. */
  readonly weights?: PlannedArtifact;
  /** The weights as the host fetches them, if it does. */
  readonly fetched?: FetchedWeights;
  /** Where the host takes packages and Python from; default: as uv does by itself. */
  readonly mirrors?: Pick<Mirrors, "pypi" | "python">;
}

/** File name of the installer's wheel. */
export const uvWheel = ({ architecture }: PythonLock) => basename(UV.wheels[architecture].url);

/** The installer, which the host downloads itself unless this machine has it for a sandbox. */
function uvFromIndex({ architecture }: PythonLock, { pypi }: Pick<Mirrors, "pypi">): PlannedArtifact {
  const { url, sha256 } = UV.wheels[architecture];
  return { name: "uv", sha256, source: { kind: "url", url: wheelUrl("uv", url, { pypi }) } };
}

export function pythonFiles(
  { kind, version, variant, lock }: ResolvedPythonEngine,
  model: ResolvedModel,
  { target, mirrors }: Pick<ResolvedConfig, "target" | "mirrors">,
  artifacts: ArtifactIndex,
): PythonFiles {
  const fetched = fetchedWeights(model, mirrors, engineHome(kind));
  return {
    uv: target.kind === "sandbox" ? localArtifact(artifacts, uvArtifact(kind), "uv") : uvFromIndex(lock, mirrors),
    ...(variant === "cpu"
      ? { cudaStubs: localArtifact(artifacts, cudaStubsArtifact(kind, version), "cuda-stubs") }
      : {}),
    ...(model.source === "builtin:tiny" ? { weights: localArtifact(artifacts, "tiny-model-folder", "weights") } : {}),
    ...(fetched ? { fetched } : {}),
    mirrors,
  };
}

/** The engine as it is installed on its target: a sandbox takes the wheels of this machine. */
export const placedEngine = <E extends ResolvedPythonEngine>(engine: E, target: Target): E =>
  target.kind === "sandbox" ? { ...engine, packages: `folder:${SANDBOX_WHEELS}` } : engine;

/** A sandbox reads the wheels of this machine where they lie, instead of taking a gigabyte over SSH. */
export function wheelMounts(kind: PythonEngineKind, artifacts: ArtifactIndex): Mount[] {
  const uv = artifacts[uvArtifact(kind)];
  return uv === undefined ? [] : [{ source: dirname(uv.path), target: SANDBOX_WHEELS }];
}

export interface EnvironmentNeeds {
  /** The distribution's packages, beside Python itself. */
  readonly packages: readonly string[];
  /** A name by which the release's own code looks for itself, where its package is called otherwise. */
  readonly alias?: string;
}

export function environmentStep(engine: ResolvedPythonEngine, files: PythonFiles, needs: EnvironmentNeeds): Step {
  const { kind, version, variant, lock: chosen } = engine;
  const { product, release } = PYTHON_ENGINES[kind];
  const python = release(version).python[variant];
  const wheels = engine.packages === "index" ? "" : engine.packages.slice("folder:".length);
  const home = engineHome(kind);
  const lock = `${home}/locks/${version}-${chosen.name}.txt`;
  return {
    name: kind,
    phase: "engine",
    title: `${product} ${version} (${chosen.name}) in ${releaseFolder(engine)}`,
    script: "python-environment.sh",
    inputs: {
      engine: kind,
      product,
      version,
      variant,
      home,
      release: releaseFolder(engine),
      lock,
      wheels,
      index: (wheels === "" && files.mirrors?.pypi) || "",
      python_mirror: (wheels === "" && files.mirrors?.python) || "",
      uv: `${home}/uv-${UV.version}`,
      uv_wheel: uvWheel(chosen),
      // Without the index there is nobody to fetch a Python from, so the system's own must do.
      python: wheels === "" ? (python.managed ?? python.series) : python.series,
      packages: ["python3", ...needs.packages].join("\n"),
      alias: needs.alias ?? "",
    },
    files: [plannedFile(lock, lockText(engine))],
    artifacts: [files.uv, ...(files.cudaStubs ? [files.cudaStubs] : [])],
    secrets: [],
  };
}
