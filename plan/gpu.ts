import type { Engine, Target } from "./config/schema";
import type { Placement } from "./compatibility";
import { plannedFile } from "./render/payload";
import { fillTemplate } from "./render/template";
import { templateText } from "./render/template-files";
import type { Step } from "./step";

/** Where the engine has to compute, and how its unit waits for that. */

/**
 * - `gpu`: on a GPU, or it does not start.
 * - `detect`: so where the host has a GPU and its driver is installed; only the host knows.
 * - `any`: wherever the engine likes.
 */
export type Device = "gpu" | "detect" | "any";

/** Longest wait for the driver, in seconds, at each start of the engine; modules of large machines take a minute to load. */
const WAIT_SECONDS = 120;
/** The last question may take as long as nvidia-smi is given for an answer. */
const LAST_QUESTION_SECONDS = 30;

/** Where the engine of a stack has to compute: by the stack file, else by what the facts say, else the host decides. */
export function engineDevice(engine: Engine, target: Target, placement: Placement | undefined): Device {
  if (target.kind === "sandbox") return "any";
  switch (engine.kind) {
    case "ollama":
      if (engine.device !== "detect" || placement === undefined) return engine.device;
      return placement.device === "gpu" ? "gpu" : "any";
    case "vllm":
    case "transformers":
      return engine.variant === "cuda" ? "gpu" : "any";
    default:
      return engine satisfies never;
  }
}

/** The GPU answers before the engine is touched, and at each of its starts; no step where no GPU is asked for. */
export function gpuSteps(device: Device, engine: Engine["kind"]): Step[] {
  if (device === "any") return [];
  const unit = fillTemplate(templateText("units/tms-llm-gpu.service"), {
    device,
    seconds: String(WAIT_SECONDS),
    limit: String(WAIT_SECONDS + LAST_QUESTION_SECONDS),
  });
  return [
    {
      name: "gpu",
      phase: "engine",
      title: `${device === "gpu" ? "a GPU" : "a GPU, where the host has one,"} that answers before the engine starts`,
      script: "gpu.sh",
      inputs: {
        device,
        seconds: String(WAIT_SECONDS),
        way_out: engine === "ollama" ? "; to compute on the CPU, set engine.device to any" : "",
      },
      files: [
        plannedFile("/opt/llm/gpu.sh", templateText("lib/gpu.sh")),
        plannedFile("/etc/systemd/system/tms-llm-gpu.service", unit),
      ],
      artifacts: [],
      secrets: [],
    },
  ];
}

/** Lines of an engine's unit: after the wait, and not without a GPU. */
export function gpuUnitSlots(device: Device): { readonly gpuOrder: string; readonly gpuGate: string } {
  if (device === "any") return { gpuOrder: "", gpuGate: "" };
  return {
    gpuOrder: templateText("units/gpu-order"),
    gpuGate: fillTemplate(templateText("units/gpu-gate"), { device }),
  };
}
