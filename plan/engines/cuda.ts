import type { VllmEngine } from "../config/schema";

/**
 * What an engine on a GPU compiles with on the host, in Debian's names: Triton its launchers in C, torch's compiler what
 * stays on the processor in C++.
 */
export const COMPILERS: readonly string[] = ["gcc", "g++", "libc6-dev"];

interface CudaSettings {
  readonly gpus?: readonly number[] | undefined;
  readonly allocator?: VllmEngine["allocator"];
}

/** What CUDA and torch are told by environment variables, a line each; nothing where the stack file says nothing. */
export function cudaEnvironment({ gpus, allocator }: CudaSettings): string[] {
  const options = [
    ...(allocator?.expandableSegments === true ? ["expandable_segments:True"] : []),
    ...(allocator?.maxSplitSize === undefined
      ? []
      : [`max_split_size_mb:${Math.round(allocator.maxSplitSize / 2 ** 20)}`]),
  ];
  return [
    // Without the order CUDA counts the fastest GPU first, and nvidia-smi by place.
    ...(gpus === undefined ? [] : ["CUDA_DEVICE_ORDER=PCI_BUS_ID", `CUDA_VISIBLE_DEVICES=${gpus.join(",")}`]),
    ...(options.length === 0 ? [] : [`PYTORCH_CUDA_ALLOC_CONF=${options.join(",")}`]),
  ];
}

/** The same as a file of a deployment, so that a former deployment gets back its own. */
export function cudaFile(settings: CudaSettings): Readonly<Record<string, string>> {
  const lines = cudaEnvironment(settings).map((line) => `${line}\n`);
  return lines.length === 0 ? {} : { "cuda.env": lines.join("") };
}
