import { describe, expect, test } from "vitest";
import type { PythonRelease } from "../../../plan/catalog/python";
import { transformersRelease } from "../../../plan/catalog/transformers";
import { vllmRelease } from "../../../plan/catalog/vllm";
import { judgeCompatibility, type EngineDemand } from "../../../plan/compatibility";
import { chooseLock } from "../../../plan/engines/python-lock";
import { hostFacts, type HostFacts } from "../../../plan/host-facts";
import { hostFacts as measured } from "../../fixtures/hosts/load";

const L4 = hostFacts(measured("l4"));
const gpu = (name: string, computeCapability: string) => [{ ...L4.gpus[0]!, name, computeCapability }];
const old = { glibc: "2.28", driver: "570.86.15" };
const oracle8 = { system: { id: "ol", version: "8.10" }, glibc: "2.28" };

const oracle9 = { system: { id: "ol", version: "9.6" }, glibc: "2.34" };

/** What a release asks of a host, by the lock file that the host takes. */
const floors = (release: PythonRelease) => (host: HostFacts) => ({
  minimumDriver: release.minimumDriver,
  minimumGlibc: chooseLock(release, "cuda", host)!.minimumGlibc,
});
const VLLM = floors(vllmRelease("0.32.0"));
const TRANSFORMERS = floors(transformersRelease("5.23.0"));

/** The engines of the rows; the newest vLLM has a build for CUDA 13 alone. */
const DEMANDS = {
  ollama: () => ({ engine: "ollama" }),
  vllm: () => ({ engine: "vllm", minimumDriver: 525, minimumGlibc: "2.28" }),
  "vllm for CUDA 13": () => ({ engine: "vllm", minimumDriver: 580, minimumGlibc: "2.28" }),
  "vllm from a folder": () => ({ engine: "vllm", minimumDriver: 580, minimumGlibc: "2.28", pythonSeries: "3.12" }),
  "vLLM 0.32.0": (host) => ({ engine: "vllm", ...VLLM(host) }),
  "Transformers 5.23.0": (host) => ({ engine: "transformers", ...TRANSFORMERS(host) }),
} as const satisfies Record<string, (host: HostFacts) => EngineDemand>;

function judge(engine: keyof typeof DEMANDS, changes: Partial<HostFacts>) {
  const host = { ...L4, ...changes };
  return judgeCompatibility(DEMANDS[engine](host), host);
}

type Row = [title: string, engine: keyof typeof DEMANDS, host: Partial<HostFacts>, outcome: string];

const ROWS: readonly Row[] = [
  ["an L4 with driver 580", "ollama", {}, "gpu bundled bfloat16"],
  ["an L4 with driver 580", "vllm", {}, "gpu cu130 bfloat16"],
  ["driver 550, the floor of Ollama", "ollama", { driver: "550.54.14" }, "gpu bundled bfloat16"],
  ["driver 535", "ollama", { driver: "535.247.01" }, "refused: gpu-driver-below-floor"],
  [
    "Pascal with driver 560",
    "ollama",
    { driver: "560.35.03", gpus: gpu("GTX 1060", "6.1") },
    "refused: gpu-driver-below-floor",
  ],
  ["Pascal with driver 570", "ollama", { driver: "570.86.15", gpus: gpu("GTX 1060", "6.1") }, "gpu bundled float16"],
  ["Kepler", "ollama", { driver: "580.126.09", gpus: gpu("Tesla K80", "3.7") }, "refused: gpu-compute"],
  ["Volta", "vllm", { gpus: gpu("Tesla V100 32GB", "7.0") }, "refused: gpu-compute"],
  ["Turing has no bfloat16", "vllm", { gpus: gpu("Tesla T4", "7.5") }, "gpu cu130 float16"],
  ["driver 575 takes the CUDA 12.9 build", "vllm", { driver: "575.57.08" }, "gpu cu129 bfloat16"],
  [
    "driver 535 on an A100 takes it too",
    "vllm",
    { driver: "535.247.01", gpus: gpu("A100", "8.0") },
    "gpu cu129 bfloat16",
  ],
  ["driver 470", "vllm", { driver: "470.256.02" }, "refused: gpu-driver-below-floor"],
  [
    "RTX 5070 Ti with driver 565",
    "vllm",
    { driver: "565.57.01", gpus: gpu("RTX 5070 Ti", "12.0") },
    "refused: gpu-driver-below-floor",
  ],
  [
    "RTX 5070 Ti with driver 570",
    "vllm",
    { driver: "570.86.15", gpus: gpu("RTX 5070 Ti", "12.0") },
    "gpu cu129 bfloat16",
  ],
  ["the C library of the systems of 2018, with driver 580", "vllm", { glibc: "2.28" }, "gpu cu130 bfloat16"],
  ["the C library of the systems of 2018, with driver 570", "vllm", old, "refused: glibc"],
  ["Oracle Linux 8 with driver 580", "vLLM 0.32.0", { ...oracle8 }, "gpu cu130 bfloat16"],
  ["Oracle Linux 8 on arm64", "vLLM 0.32.0", { ...oracle8, architecture: "arm64" }, "refused: glibc"],
  ["Ubuntu on arm64", "vLLM 0.32.0", { architecture: "arm64" }, "gpu cu130 bfloat16"],
  ["Oracle Linux 8 on arm64", "Transformers 5.23.0", { ...oracle8, architecture: "arm64" }, "gpu cu130 bfloat16"],
  ["Oracle Linux 8 with driver 580", "Transformers 5.23.0", { ...oracle8 }, "gpu cu130 bfloat16"],
  ["Oracle Linux 8 with driver 570", "vllm", { ...oracle8, driver: "570.86.15" }, "refused: glibc"],
  ["Oracle Linux 8 with driver 570", "ollama", { ...oracle8, driver: "570.86.15" }, "gpu bundled bfloat16"],
  ["Oracle Linux 9 with driver 580", "vLLM 0.32.0", { ...oracle9 }, "gpu cu130 bfloat16"],
  ["Oracle Linux 9 with driver 580", "Transformers 5.23.0", { ...oracle9 }, "gpu cu130 bfloat16"],
  ["Oracle Linux 9 with driver 570", "vllm", { ...oracle9, driver: "570.86.15" }, "gpu cu129 bfloat16"],
  [
    "Oracle Linux 8 with driver 570",
    "vLLM 0.32.0",
    { ...oracle8, driver: "570.86.15" },
    "refused: gpu-driver-below-floor",
  ],
  ["a C library older than every lock file's", "vLLM 0.32.0", { glibc: "2.17" }, "refused: glibc"],
  ["no GNU C library", "Transformers 5.23.0", { glibc: null }, "refused: glibc"],
  ["Python 3.10", "vllm from a folder", { pythons: ["3.10.12"] }, "refused: python"],
  ["Python 3.12 beside it", "vllm from a folder", { pythons: ["3.12.3", "3.10.12"] }, "gpu cu130 bfloat16"],
  ["Python 3.10, and an index that brings its own", "vllm for CUDA 13", { pythons: ["3.10.12"] }, "gpu cu130 bfloat16"],
  [
    "driver 575 and a release for CUDA 13 alone",
    "vllm for CUDA 13",
    { driver: "575.57.08" },
    "refused: gpu-driver-below-floor",
  ],
  ["no Python", "vllm from a folder", { pythons: [] }, "refused: python"],
  ["no GPU", "ollama", { gpus: [], driver: null }, "cpu"],
  ["no GPU", "vllm", { gpus: [], driver: null }, "refused: gpu-absent"],
  [
    "a GPU without a driver",
    "vllm",
    { gpus: [], driver: null, gpusWithoutDriver: ["NVIDIA L4"] },
    "refused: gpu-driver-absent, gpu-absent",
  ],
  [
    "a system that is not in the list",
    "ollama",
    { system: { id: "fedora", version: "43" } },
    "refused: operating-system",
  ],
  [
    "an old GPU, an old driver and an old Python",
    "vllm from a folder",
    { pythons: ["3.9.2"], driver: "470.1.1", gpus: gpu("GTX 1060", "6.1") },
    "refused: gpu-compute, gpu-driver-below-floor, python",
  ],
];

describe("GPU × driver × C library × system × engine", () => {
  test.each(ROWS)("%s, %s: %o → %s", (_title, engine, host, outcome) => {
    const { placement, refusals } = judge(engine, host);
    const found =
      refusals.length > 0
        ? `refused: ${refusals.map(({ id }) => id).join(", ")}`
        : placement.device === "cpu"
          ? "cpu"
          : `gpu ${placement.build} ${placement.dtype}`;
    expect(found).toBe(outcome);
  });

  test("several GPUs: the weakest decides", () => {
    const gpus = [...gpu("L4", "8.9"), ...gpu("Tesla V100", "7.0")];
    expect(judge("vllm", { gpus }).refusals.map(({ id }) => id)).toEqual(["gpu-compute"]);
  });

  test.each([
    ["a build for an older driver", "vllm", { ...oracle8, driver: "570.86.15" }],
    ["a release", "vLLM 0.32.0", { ...oracle8, architecture: "arm64" }],
    ["a system that is not in the list", "ollama", { system: { id: "fedora", version: "43" } }],
  ] as const)("a refusal names the cause, what is needed and a way out: %s", (_title, engine, host) => {
    const { refusals } = judge(engine, host);
    expect(refusals).toMatchSnapshot();
  });
});
