import { pciGpu } from "../catalog/gpus";
import { judgeComputeFloors, type KnownGpu } from "../compute-floor";
import type { Facts } from "../facts";
import type { Refusal } from "./refusal";
import type { Requirements } from "./requirements";

/** The GPUs that the engine may use, by their numbers; before a driver is there by what the PCI bus says of them. */
function knownGpus({ gpu }: Facts, only: readonly number[] | undefined): readonly KnownGpu[] {
  const all: readonly KnownGpu[] =
    gpu.nvidiaSmi.state === "ready"
      ? gpu.nvidiaSmi.devices
      : gpu.pciDevices.map(({ device }) => pciGpu(device) ?? { name: "a GPU", computeCapability: null });
  return only === undefined ? all : only.flatMap((number) => all[number] ?? []);
}

/** GPUs that are too old for the engine or for what its settings ask for. */
export function judgeCompute(facts: Facts, { gpu }: Requirements): Refusal[] {
  return judgeComputeFloors(gpu?.floors ?? [], knownGpus(facts, gpu?.only));
}
