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
    expect(
      (await failure("RuntimeError: The NVIDIA driver on your system is too old (found version 12080).\n")).wayOut,
    ).toBe("install an NVIDIA driver of branch 580 or newer and reboot");
  });
});
