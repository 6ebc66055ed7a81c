import type { ResolvedModel, ResolvedTransformers } from "../sizing/resolved";
import { fillTemplate } from "../render/template";
import { templateText } from "../render/template-files";
import type { Step } from "../step";
import { COMPILERS, cudaFile } from "./cuda";
import { environmentStep, libraryPath, type PythonFiles } from "./python-environment";
import { engineSocket, servedModelStep, unitSlots, weightsFolder } from "./served-folder";

/** Hugging Face's `transformers serve` as `llm-transformers.service` behind a Unix socket. */

export function transformersStep(engine: ResolvedTransformers, files: PythonFiles): Step {
  return environmentStep(engine, files, { packages: { cpu: [], cuda: COMPILERS }[engine.variant] });
}

export function transformersModelStep(engine: ResolvedTransformers, model: ResolvedModel, files: PythonFiles): Step {
  const settings = serverSettings(engine, model, weightsFolder(engine, model, files));
  return servedModelStep(engine, model, files, {
    deployment: {
      "settings.json": `${JSON.stringify(settings, undefined, 2)}\n`,
      "serve.py": templateText("transformers/serve.py"),
      "door.py": templateText("transformers/door.py"),
      ...cudaFile(engine),
    },
    environment: fillTemplate(templateText("transformers/transformers.env"), { libraries: libraryPath(engine) }),
    unit: fillTemplate(templateText("units/llm-transformers.service"), unitSlots(engine, HARDENING[engine.variant])),
  });
}

/** What `templates/transformers/serve.py` reads. */
function serverSettings({ variant, dtype, queue, drain }: ResolvedTransformers, model: ResolvedModel, folder: string) {
  return {
    model: folder,
    name: model.name,
    socket: engineSocket("transformers"),
    context: model.context,
    queue,
    drain: Math.ceil(drain),
    // `auto` spreads a model over all GPUs.
    device: { cpu: "cpu", cuda: "auto" }[variant],
    // A CPU without bfloat16 computes in it ten times slower.
    dtype: variant === "cpu" ? "float32" : (dtype ?? "auto"),
  };
}

/** Lines that only one of the variants can bear. */
const HARDENING = {
  cpu: "PrivateDevices=yes\n# A CPU's kernels are compiled in advance; those of a GPU are in part written at run time.\nMemoryDenyWriteExecute=yes",
  cuda: templateText("units/gpu-devices").trimEnd(),
} as const;
