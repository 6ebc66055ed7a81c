import { execa } from "execa";
import { describe, expect, test } from "vitest";
import { templateText } from "../../../plan/render/template-files";

describe.skipIf(process.platform !== "linux")(
  "gpu_fault (a stand-in for nvidia-smi, on a machine without a GPU)",
  () => {
    /** What gpu_fault says where `nvidia-smi -L` answers with a text and an exit code. */
    async function fault(code: number, text: string) {
      const program = `set -euo pipefail; shopt -s inherit_errexit
timeout() { shift; "$@"; }
nvidia-smi() { echo "$TEXT"; return ${code}; }
${templateText("lib/gpu.sh")}
gpu_fault`;
      return (await execa("bash", ["-c", program], { env: { TEXT: text } })).stdout;
    }

    test.each<[string, number, string, string]>([
      ["one that answers is asked for its files next", 0, "GPU 0: NVIDIA L4", "/dev/nvidiactl is missing"],
      [
        "so is one whose infoROM is corrupt, since it computes",
        14,
        "GPU 0: NVIDIA L4\nWARNING: infoROM is corrupted",
        "/dev/nvidiactl is missing",
      ],
      ["one that is lost is told in its words", 15, "GPU is lost", "nvidia-smi says: GPU is lost"],
      ["one that never answers is told", 124, "", "nvidia-smi says: nothing within 20 s"],
    ])("%s", async (_title, code, text, said) => {
      expect(await fault(code, text)).toBe(said);
    });
  },
);
