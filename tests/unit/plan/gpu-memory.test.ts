import { describe, expect, test } from "vitest";
import { readReserved } from "../../../plan/gpu-memory";
import { hostFacts } from "../../../plan/host-facts";
import { judgePreflight } from "../../../plan/preflight";
import type { PreflightReport } from "../../../plan/preflight/report";
import { hostFacts as measured, hostReport } from "../../fixtures/hosts/load";

const MIB = 2 ** 20;
const GPU = "GPU-00000000-0000-0000-0000-000000000000";

type Gpu = PreflightReport["gpu"];
type Process = Gpu["processes"][number];

const process = (name: string, usedMebibytes: number | null, unit: string | null = null): Process => ({
  gpu: GPU,
  name,
  usedMebibytes,
  unit,
});

/** MiB that others hold of the first GPU. */
const held = (host: string, gpu: Partial<Gpu> = {}, report: Partial<PreflightReport> = {}) =>
  hostFacts(measured(host, { gpu: { ...hostReport(host).gpu, ...gpu }, ...report })).gpus[0]!.heldByOthers / MIB;

const answer = (name: string, total: number, free: number) => ({
  exitCode: 0,
  output: `0, ${name}, ${total}, ${free}, 590.48.01, 9.0, ${GPU}, [N/A]`,
});

describe("what others hold of a GPU", () => {
  test.each<[string, string, number]>([
    ["a desktop of which 25 of 594 MiB are listed", "rtx-4080-super-desktop", 768],
    ["a desktop of which nothing is listed", "rtx-2080-super-desktop", 256],
    ["nothing on a host that tells of no reserved memory", "l4", 0],
  ])("%s", (_title, host, mebibytes) => {
    expect(held(host)).toBe(mebibytes);
  });

  test.each<[string, number, number, number]>([
    ["H100", 81559, 81081, 479],
    ["H200", 143771, 143158, 614],
    ["L40S", 46068, 45460, 609],
  ])("the memory that the driver reserves of an idle %s is nobody's", (name, total, free, reserved) => {
    expect(held("l4", { nvidiaSmi: answer(name, total, free), memoryReserved: `${GPU}, ${reserved}` })).toBe(0);
  });

  // The captures under load, with our engine in the place of the programs that made it.
  test.each<[string, string, number, number, number, readonly number[], number]>([
    ["RTX 4080 SUPER with a desktop", "rtx-4080-super-desktop", 16376, 14470, 434, [503, 360], 768],
    ["RTX 2080 SUPER with a desktop", "rtx-2080-super-desktop", 8192, 6978, 400, [370, 230], 256],
    ["H100", "l4", 81559, 61263, 479, [2566, 1542, 15690], 0],
    ["H200", "l4", 143771, 110796, 614, [2566, 1542, 28234], 0],
  ])("our own engine on a %s makes no difference", (name, host, total, free, reserved, ours, mebibytes) => {
    const desktop = hostReport(host).gpu.processes;
    const engine = ours.map((used) => process("python", used, "llm-vllm.service"));
    expect(
      held(host, {
        nvidiaSmi: answer(name, total, free),
        memoryReserved: `${GPU}, ${reserved}`,
        processes: [...desktop, ...engine],
      }),
    ).toBe(mebibytes);
  });

  test.each<[string, Partial<Gpu>, Partial<PreflightReport>]>([
    [
      "the driver does not tell what our engine uses",
      { processes: [process("ollama", null, "tms-ollama.service")] },
      {},
    ],
    ["the host is a container, from which no program is seen", { processes: [] }, { virtualization: "lxc" }],
    ["the driver does not know the question", { memoryReserved: null }, {}],
  ])("what cannot be told from our own engine counts as ours: %s", (_title, gpu, report) => {
    const busy = { nvidiaSmi: answer("NVIDIA H200", 143771, 20000), memoryReserved: `${GPU}, 614`, processes: [] };
    expect(held("l4", { ...busy, ...gpu }, report)).toBe(0);
  });

  test("a program of others whose use is not told counts by what is missing", () => {
    const busy = { nvidiaSmi: answer("NVIDIA L40S", 46068, 45460 - 1235), memoryReserved: `${GPU}, 609` };
    expect(held("l4", { ...busy, processes: [process("blender", null)] })).toBe(1280);
  });
});

test("a desktop that came since the host was measured is refused, and our own second run is not", () => {
  const { gpu } = hostReport("rtx-4080-super-desktop");
  const at = (free: number, processes: readonly Process[]) =>
    measured("rtx-4080-super-desktop", {
      gpu: { ...gpu, nvidiaSmi: answer("RTX 4080 SUPER", 16376, free), processes: [...processes] },
    });
  const bare = hostFacts(at(16376 - 434, []));
  const judge = (...host: Parameters<typeof at>) =>
    judgePreflight(at(...host), {
      memoryBytes: 2 ** 30,
      diskBytes: {},
      ports: [],
      recorded: { stack: "prod", facts: bare },
    }).refusals;
  expect(judge(15348, gpu.processes)).toMatchObject([{ id: "facts-changed", found: "768 MiB" }]);
  expect(judge(2000, [process("ollama", 13_900, "tms-ollama.service")])).toEqual([]);
});

test("lines that are no answer to the question about reserved memory are left out", () => {
  const said = `Field "memory.reserved" is not a valid field to query.\n${GPU}, 614\r\nGPU-1, [N/A]\n`;
  expect([...readReserved(said)]).toEqual([[GPU, 614 * MIB]]);
});
