import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, onTestFinished, test } from "vitest";

const LIBRARY = join(__dirname, "..", "..", "..", "templates", "lib");

describe.each(["vllm", "transformers"] as const)("an engine that did not start (%s)", (engine) => {
  /** What `fail` is told: what failed, why, the way out. */
  async function failure(log: string) {
    const folder = mkdtempSync(join(tmpdir(), "tms-llm-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const script = `cd "$1"; source ./engine-failure.sh; source "./$2.sh"; fail() { printf '%s\\0' "$@"; }; cat >"$3/log"; engine_failure "$2" "it ended" "$3/log"`;
    const { stdout } = await execa("bash", ["-euo", "pipefail", "-c", script, "-", LIBRARY, engine, folder], {
      input: log,
    });
    const [what, why, wayOut] = stdout.split("\0");
    return { what, why, wayOut };
  }

  test("names its error, or else its last words, and where to read on", async () => {
    expect(await failure("loading\nValueError: no such model\nstopped\n")).toEqual({
      what: "it ended",
      why: "ValueError: no such model",
      wayOut: `on the host: journalctl -u llm-${engine}`,
    });
    expect((await failure("loading\nstopped\n")).why).toBe("loading\nstopped");
  });

  test("takes no warning that only names an error for one", async () => {
    const warning = "WARNING 11-21 14:50:06 [utils.py:255] may cause errors like `OSError: Too many open files`";
    expect((await failure(`(APIServer pid=7) ${warning}\nValueError: too small\n`)).why).toBe("ValueError: too small");
  });

  test("leaves out where in its source an error was written", async () => {
    const error = "(EngineCore pid=7) ERROR 11-21 14:50:06 [core.py:90] ValueError: too small\n";
    expect((await failure(error)).why).toBe("ValueError: too small");
  });

  test("gives its own advice before torch's", async () => {
    const memory = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 224.00 MiB. GPU 0 has 23.5 GiB\n";
    expect((await failure(memory)).wayOut).toMatch(/^224\.00 MiB more were wanted than the GPU has: /);
  });

  // The words of torch 2.13, Triton, gcc, FlashInfer 0.7 and the shell that runs nvcc for it.
  test.each([
    [
      "a driver that is too old",
      "RuntimeError: The NVIDIA driver on your system is too old (found version 12080).",
      /^install an NVIDIA driver of branch 580 or newer and reboot$/,
    ],
    [
      "GPUs behind a switch that nobody has set up",
      "RuntimeError: Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions before calling NumCudaDevices() that might have already set an error? Error 802: system not yet initialized",
      /Fabric Manager.*nvidia-fabricmanager in exactly the version of the driver/,
    ],
    [
      "no C compiler",
      "RuntimeError: Failed to find C compiler. Please specify via CC environment variable.",
      /npm run up installs gcc again.*dnf install gcc gcc-c\+\+ glibc-devel/,
    ],
    [
      "a Python without headers",
      "/tmp/tmpab/cuda_utils.c:7:10: fatal error: Python.h: No such file or directory",
      /python3\.12-dev, in RHEL's family python3\.12-devel/,
    ],
    [
      "weights in fp8 on a GPU without it",
      "ValueError(\"type fp8e4nv not supported in this architecture. The supported fp8 dtypes are ('fp8e4b15', 'fp8e5')\")",
      /compute capability 8\.9.*choose a model that is not quantized to fp8$/,
    ],
    [
      "kernels that want nvcc",
      "RuntimeError: Could not find nvcc and default cuda_home='/usr/local/cuda' doesn't exist",
      /compiled with nvcc.*another quantization/,
    ],
    [
      "kernels that want nvcc, in dash",
      "RuntimeError: Ninja build failed. Ninja output:\n/bin/sh: 1: /nonexistent/bin/nvcc: not found",
      /compiled with nvcc/,
    ],
    [
      "kernels that want nvcc, in bash",
      "RuntimeError: Ninja build failed. Ninja output:\n/bin/sh: line 1: /nonexistent/bin/nvcc: No such file or directory",
      /compiled with nvcc/,
    ],
    [
      "kernels that want nvcc, without a shell",
      "FileNotFoundError: [Errno 2] No such file or directory: '/nonexistent/bin/nvcc'",
      /compiled with nvcc/,
    ],
  ])("knows what is to be done about %s", async (_, log, wayOut) => {
    expect((await failure(`INFO before it\n${log}\nINFO after it\n`)).wayOut).toMatch(wayOut);
  });
});
