import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, test } from "vitest";

/** Last words of vLLM 0.32.0, as its source spells them, and the advice that each becomes. */
const FAILURES: readonly (readonly [title: string, log: string, advice: string])[] = [
  [
    "a GPU that others use",
    "ValueError: Free memory on device cuda:0 (12.5/23.6 GiB) on startup is less than desired GPU memory utilization (0.9, 21.24 GiB). Decrease GPU memory utilization",
    "12.5 of 23.6 GiB are free and 21.24 are asked for: end what else uses the GPU (nvidia-smi names it), or set engine.gpuMemoryPercent to 52 or less",
  ],
  [
    "a context that does not fit",
    "ValueError: To serve at least one request with the model's max seq len (32768), (4.0 GiB KV cache is needed, which is larger than the available KV cache memory (1.5 GiB). Based on the available memory, the estimated maximum model length is 12288. Try increasing",
    "a context of 32768 tokens needs 4.0 GiB and 1.5 are there: set the model's context to 12288 or less, or give it more (engine.gpuMemoryPercent, engine.kvCacheMemory)",
  ],
  [
    "a context that does not fit, without an estimate",
    "max seq len (32768), (4.0 GiB KV cache is needed, which is larger than the available KV cache memory (0.1 GiB). Try increasing",
    "a context of 32768 tokens needs 4.0 GiB and 0.1 are there: lower the model's context, or give it more (engine.gpuMemoryPercent, engine.kvCacheMemory)",
  ],
  [
    "weights that fill the GPU",
    "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization`",
    "the weights leave no memory for the KV cache: raise engine.gpuMemoryPercent, spread the model over more GPUs (engine.tensorParallel), or choose a smaller or quantized one",
  ],
  [
    "weights that do not fit the GPU",
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 224.00 MiB. GPU 0 has a total capacity of 23.5 GiB",
    "224.00 MiB more were wanted than the GPU has: lower engine.parallel or the model's context, spread the model over more GPUs (engine.tensorParallel), or choose a smaller or quantized one",
  ],
  [
    "too little memory on a CPU",
    "ValueError: Available memory on node 0 (9.1/15.6 GiB) on kv cache allocation is less than requested memory for kv (1024.0 GiB). Decrease --kv-cache-memory-bytes",
    "9.1 GiB of memory are free and 1024.0 are asked for: lower engine.kvCacheMemory, or give the host more memory",
  ],
  [
    "too little shared memory",
    "RuntimeError: Insufficient space in /dev/shm for shared-memory allocation: 160 MiB required, 64 MiB free. Increase /dev/shm",
    "160 MiB of shared memory are needed and 64 MiB are there: give the host more memory",
  ],
  [
    "a GPU without code for it",
    "torch.AcceleratorError: CUDA error: no kernel image is available for execution on the device",
    "this vLLM has no code for this GPU's compute capability (7.5 is the lowest): use another GPU, or Ollama",
  ],
  [
    "more requests at the same time than a hybrid model has states for",
    "ValueError: max_num_seqs (256) exceeds available Mamba cache blocks (37). Each decode sequence requires one Mamba cache block, so CUDA graph capture cannot proceed. Please lower max_num_seqs to at most 37 or increase gpu_memory_utilization.",
    "256 requests at the same time are asked for, and the memory holds the state of 37: set engine.parallel to 37 or less, or give it more (engine.gpuMemoryPercent, engine.kvCacheMemory)",
  ],
  [
    "no state for a single request",
    "ValueError: max_num_seqs (16) exceeds available Mamba cache blocks (0). Each decode sequence requires one Mamba cache block",
    "the memory holds the state of no request at all: give it more (engine.gpuMemoryPercent, engine.kvCacheMemory), or choose a smaller model",
  ],
  [
    "a cache in fp8 on a GPU that has none",
    "ValueError: FP8 KV cache is not supported by the Triton attention backend on NVIDIA A10 (compute capability 8.6); native FP8 (fp8e4nv) requires SM89+. Re-run with --kv-cache-dtype bfloat16.",
    "this GPU keeps no cache in fp8 (compute capability 8.9 is the lowest that does): set engine.kvCacheType to default",
  ],
  [
    "the same, where the cache is written",
    "AssertionError: Triton reshape-and-cache cannot store kv_cache_dtype=fp8 on this device: an FP8 KV cache needs native fp8e4nv (SM89+). Use --kv-cache-dtype bfloat16 (or float16 on SM75).",
    "this GPU keeps no cache in fp8 (compute capability 8.9 is the lowest that does): set engine.kvCacheType to default",
  ],
  [
    "a flag of another version",
    "vllm: error: unrecognized arguments: --max-num-seqz 1",
    "this version of vLLM does not know --max-num-seqz: correct plan/catalog/vllm.ts",
  ],
  ["a failure that nobody knows", "ValueError: something else", ""],
];

describe("advice from vLLM's last words", () => {
  test.each(FAILURES)("%s", async (_, log, advice) => {
    const library = join(__dirname, "..", "..", "..", "templates", "lib", "vllm.sh");
    const { stdout } = await execa(
      "bash",
      ["-euo", "pipefail", "-c", `source "$1"; vllm_advice <(cat)`, "-", library],
      {
        input: `(EngineCore pid=7) INFO before it\n(EngineCore pid=7) ${log}\n`,
      },
    );
    expect(stdout).toBe(advice);
  });
});
