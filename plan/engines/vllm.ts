import { createHash } from "node:crypto";
import { UV, vllmRelease } from "../catalog/vllm";
import { gpuUnitSlots } from "../gpu";
import type { ResolvedModel, ResolvedVllm } from "../sizing/resolved";
import { plannedFile } from "../render/payload";
import { fillTemplate } from "../render/template";
import { templateText } from "../render/template-files";
import type { PlannedArtifact, SecretReference, Step } from "../step";
import { cudaEnvironment } from "./cuda";
import { VLLM_SOCKET, vllmConfig } from "./vllm-config";

export { VLLM_SOCKET };

/** vLLM as `llm-vllm.service` behind a Unix socket: the release as one step, the model that it serves as another. */

/** The key between nginx and the engine; clients never see it. */
export const ENGINE_KEY: SecretReference = { name: "engine/vllm", generation: 1 };

/** Where a sandbox finds the wheels of this machine, read-only. */
export const SANDBOX_WHEELS = "/srv/tms-llm/wheels";

/** Name of the installer's wheel in the artifact index; the other wheels lie beside it. */
export const UV_ARTIFACT = "uv";

/** Name of the empty CUDA libraries in the artifact index. */
export const cudaStubsArtifact = (version: string) => `vllm-${version}-cuda-stubs`;

/** Longest wait for a start, in seconds: large weights on slow disks, kernels compiled for the card. */
const START_TIMEOUT_SECONDS = 1800;

const HOME = "/opt/llm/vllm";

export interface VllmFiles {
  readonly uv: PlannedArtifact;
  /** Only for the CPU variant. */
  readonly cudaStubs?: PlannedArtifact;
  /** The weights as a tar archive, if they come from this machine. */
  readonly weights?: PlannedArtifact;
}

/** The installer, which the host downloads itself unless this machine has it for a sandbox. */
export const uvFromIndex: PlannedArtifact = { name: "uv", sha256: UV.sha256, source: { kind: "url", url: UV.url } };

const release = ({ version, variant }: ResolvedVllm) => `${HOME}/${version}-${variant}`;

/** The hash-locked environment of one release, in a folder of its own. */
export function vllmStep(engine: ResolvedVllm, files: VllmFiles): Step {
  const { version, variant } = engine;
  const python = vllmRelease(version).python[variant];
  const wheels = engine.packages === "index" ? "" : engine.packages.slice("folder:".length);
  const lock = `${HOME}/locks/${version}-${variant}.txt`;
  return {
    name: "vllm",
    phase: "engine",
    title: `vLLM ${version} (${variant}) in ${release(engine)}`,
    script: "vllm.sh",
    inputs: {
      version,
      variant,
      home: release(engine),
      lock,
      wheels,
      uv: `${HOME}/uv-${UV.version}`,
      // Without the index there is nobody to fetch a Python from, so the system's own must do.
      python: wheels === "" ? (python.managed ?? python.series) : python.series,
      // The CPU build reads the machine's memory layout; Triton compiles its launchers on the host.
      packages: { cpu: "python3\nlibnuma1", cuda: "python3\ngcc\nlibc6-dev" }[variant],
    },
    files: [plannedFile(lock, templateText(`vllm/${version}-${variant}.txt`))],
    artifacts: [files.uv, ...(files.cudaStubs ? [files.cudaStubs] : [])],
    secrets: [],
  };
}

/** The unit, serving one model; proven by one completion before the former deployment is given up. */
export function vllmModelStep(engine: ResolvedVllm, model: ResolvedModel, files: VllmFiles): Step {
  const weights = weightsFolder(model, files);
  const config = vllmConfig(engine, model, weights);
  const environment = fillTemplate(templateText("vllm/vllm.env"), {
    key: `{{secret:${ENGINE_KEY.name}}}`,
    libraries: engine.variant === "cpu" ? `LD_LIBRARY_PATH=${release(engine)}/cuda-stubs` : "",
  });
  const unit = fillTemplate(templateText("units/llm-vllm.service"), unitSlots(engine));
  // It goes with the configuration, so that a former deployment gets back its own.
  const cuda = cudaEnvironment(engine)
    .map((line) => `${line}\n`)
    .join("");
  const name = createHash("sha256")
    .update(`${release(engine)}\n${config}${cuda}`)
    .digest("hex")
    .slice(0, 12);
  const deployment = `${HOME}/deployments/${name}`;
  return {
    name: "vllm-model",
    phase: "model",
    title: `model ${model.name} from ${model.source}, context ${model.context}, by llm-vllm.service`,
    script: "vllm-model.sh",
    inputs: {
      model: model.name,
      variant: engine.variant,
      release: release(engine),
      deployment,
      weights,
      weights_sha256: files.weights === undefined ? (model.sha256 ?? "") : "",
      socket: VLLM_SOCKET,
      start_timeout: String(START_TIMEOUT_SECONDS),
      context: String(model.context),
    },
    files: [
      plannedFile(`${deployment}/config.yaml`, config),
      ...(cuda === "" ? [] : [plannedFile(`${deployment}/cuda.env`, cuda)]),
      plannedFile("/etc/tms-llm/vllm.env", environment, "root:root", "0600"),
      plannedFile("/etc/systemd/system/llm-vllm.service", unit),
    ],
    artifacts: files.weights ? [files.weights] : [],
    secrets: [ENGINE_KEY],
  };
}

function weightsFolder(model: ResolvedModel, { weights }: VllmFiles): string {
  if (weights === undefined) return model.source.slice("folder:".length);
  return `/opt/llm/models/vllm/${weights.sha256.slice(0, 12)}`;
}

/** Lines that only one of the variants can bear. */
const HARDENING = {
  cpu: [
    "PrivateDevices=yes",
    "# Eager execution on a CPU makes no code at run time; torch's compiler for GPUs does.",
    "MemoryDenyWriteExecute=yes",
  ],
  cuda: [
    "# PrivateDevices would hide the GPU; so the device list is closed and the GPU's classes are let in.",
    "DevicePolicy=closed",
    "DeviceAllow=char-nvidia rw",
    "DeviceAllow=char-nvidiactl rw",
    "DeviceAllow=char-nvidia-caps rw",
    "DeviceAllow=char-nvidia-uvm rw",
    "# No MemoryDenyWriteExecute: Triton and torch.compile write machine code at run time.",
  ],
} as const;

/** Seconds beyond the drain until the processes are killed: a client that never closes would hold a stop for ever. */
const STOP_RESERVE_SECONDS = 15;

function unitSlots({ variant, drain, memoryMax }: ResolvedVllm) {
  return {
    ...gpuUnitSlots(variant === "cuda" ? "gpu" : "any"),
    stopTimeout: String(Math.ceil(drain) + STOP_RESERVE_SECONDS),
    memoryMax: memoryMax === undefined ? "# No MemoryMax: the stack file sets none." : `MemoryMax=${memoryMax}`,
    devices: HARDENING[variant].join("\n"),
  };
}
