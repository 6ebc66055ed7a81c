import { PYTHON_ENGINES, type PythonEngineKind } from "./catalog/python-engines";
import type { HostFacts } from "./host-facts";
import { driverLine, SYSTEMS, systemRow } from "./os";
import type { Refusal } from "./preflight/refusal";
import { hasKnownInstance } from "./sizing/engine-gpus";

/** Which build of an engine runs on a host, and on what: GPU × driver × C library × system. A table, read by one function. */

/** Compares dotted numbers: negative where `one` is older. */
export const compareVersions = (one: string, other: string): number =>
  one.localeCompare(other, "en", { numeric: true });

const branch = (driver: string) => Number(driver.split(".")[0]);

/** Where an engine computes, and with which of its builds. */
export type Placement =
  | { readonly device: "cpu" }
  | { readonly device: "gpu"; readonly build: "bundled" | "cu129" | "cu130"; readonly dtype: "bfloat16" | "float16" };

/** An engine, and what its release asks beyond the table. */
export type EngineDemand =
  | { readonly engine: "ollama" }
  | {
      readonly engine: PythonEngineKind;
      /** Lowest branch of the driver that the release's builds run with. */
      readonly minimumDriver: number;
      /** Lowest GNU C library that all packages of the release run with: `2.34`. */
      readonly minimumGlibc: string;
      /** Python that must be on the host, where none is brought along: `3.12`. */
      readonly pythonSeries?: string;
    };

/** Floors of compute capability (NVIDIA's number of a GPU's generation). */
export const COMPUTE_FLOOR = { ollama: "5.0", vllm: "7.5", transformers: "7.5" } as const;

/** bfloat16 begins with Ampere. */
const BFLOAT16_FLOOR = "8.0";

/** Below it, an older generation needs a newer driver for Ollama's kernels. */
const OLLAMA_DRIVER = { usual: 550, beforeCompute7: 570 } as const;

/** Wheels of vLLM 0.20 and newer, and of torch, in the order of preference. */
const WHEEL_BUILDS = [
  { build: "cu130", driver: 580, glibc: "2.28" },
  // The wheel's tag says 2.28, its libraries want 2.34 (vLLM #41103).
  { build: "cu129", driver: 525, glibc: "2.34" },
] as const;

/** GPUs of these generations have no kernels in builds before CUDA 12.8, whose driver is 570. */
const BLACKWELL = { compute: "10.0", driver: 570 } as const;

interface Judgement {
  readonly placement: Placement;
  readonly refusals: readonly Refusal[];
}

/** Says where an engine would run on a host, and everything that stands in the way. Pure; every reason at once. */
export function judgeCompatibility(demand: EngineDemand, host: HostFacts): Judgement {
  const { engine } = demand;
  const refusals = [...judgeListedSystem(host), ...judgeMig(host)];
  if (host.gpusWithoutDriver.length > 0) refusals.push(driverMissing(host));
  if (host.gpus.length === 0) {
    const placement = { device: "cpu" } as const;
    return { placement, refusals: engine === "ollama" ? refusals : [...refusals, gpuNeeded(engine, host)] };
  }
  const compute = lowestCompute(host);
  const dtype = compareVersions(compute, BFLOAT16_FLOOR) < 0 ? "float16" : "bfloat16";
  refusals.push(...judgeCompute(engine, host, compute));
  if (demand.engine === "ollama") {
    refusals.push(...judgeOllamaDriver(host, compute));
    return { placement: { device: "gpu", build: "bundled", dtype }, refusals };
  }
  const { build, refusals: wheel } = chooseWheel(demand, host, compute);
  return {
    placement: { device: "gpu", build, dtype },
    refusals: [...refusals, ...wheel, ...judgePython(host, demand.pythonSeries)],
  };
}

/** The weakest GPU decides, since a model may lie on any of them. */
function lowestCompute({ gpus }: HostFacts): string {
  return gpus.map(({ computeCapability }) => computeCapability ?? "0.0").sort(compareVersions)[0] ?? "0.0";
}

const named = ({ gpus }: HostFacts) => [...new Set(gpus.map(({ name }) => name))].join(", ");

const CPU_WAY = "to run on the CPU, write context and engine.parallel as numbers that fit into the host's memory";

function judgeListedSystem({ system }: HostFacts): Refusal[] {
  if (systemRow(system)) return [];
  return [
    {
      id: "operating-system",
      what: "The host's system is not one that this release sets up",
      found: `${system.id} ${system.version}`,
      needed: SYSTEMS.map(({ name }) => name).join(", "),
      wayOut: "choose a host with one of these systems",
    },
  ];
}

function judgeMig(host: HostFacts): Refusal[] {
  if (!host.gpus.some((gpu) => gpu.mig && !hasKnownInstance(gpu))) return [];
  return [
    {
      id: "gpu-mig",
      what: "A GPU is split into instances (MIG), and how much memory the engine gets is not known",
      found: `${named(host)} with MIG on, no instance of known memory`,
      needed: "a whole GPU or an instance that nvidia-smi tells of, where something is left on auto",
      wayOut:
        "measure the host again, once it has an instance (on the host: nvidia-smi -L); or write context and engine.parallel as numbers that fit into the first instance; or on the host switch MIG off (`nvidia-smi -mig 0`, when no one uses the instances) and measure again",
    },
  ];
}

function driverMissing(host: HostFacts): Refusal {
  return {
    id: "gpu-driver-absent",
    what: "The host has an NVIDIA GPU and no driver that answers for it",
    found: host.gpusWithoutDriver.join(", "),
    needed: "a working driver, where something is left on auto",
    wayOut: `${driverWay(host)}${host.secureBoot === "on" ? " (Secure Boot is on: the module must be signed by a key that the firmware knows)" : ""}; or ${CPU_WAY}`,
  };
}

function gpuNeeded(engine: PythonEngineKind, { driver }: HostFacts): Refusal {
  return {
    id: "gpu-absent",
    what: `${PYTHON_ENGINES[engine].product} needs an NVIDIA GPU`,
    found: driver === null ? "no GPU that a driver answers for" : `driver ${driver} without a GPU`,
    needed: `a GPU of compute capability ${COMPUTE_FLOOR[engine]} or newer`,
    wayOut: "set engine.kind to ollama, which runs on the CPU too; or choose a host with a GPU; or install its driver",
  };
}

function judgeCompute(engine: EngineDemand["engine"], host: HostFacts, compute: string): Refusal[] {
  if (compareVersions(compute, COMPUTE_FLOOR[engine]) >= 0) return [];
  return [
    {
      id: "gpu-compute",
      what: `The GPU is older than ${engine === "ollama" ? "Ollama" : PYTHON_ENGINES[engine].product} computes on`,
      found: `${named(host)}, compute capability ${compute}`,
      needed: `compute capability ${COMPUTE_FLOOR[engine]} or newer`,
      wayOut:
        engine === "ollama"
          ? `${CPU_WAY}; or choose a host with a newer GPU`
          : "set engine.kind to ollama, which takes GPUs from 5.0 on; or choose a host with a newer GPU",
    },
  ];
}

function driverWay({ system, architecture }: HostFacts): string {
  const row = systemRow(system);
  return `on the host install a driver of branch 580 (${row ? driverLine(row, architecture) : "from NVIDIA's repository"}), reboot, and measure again`;
}

function judgeOllamaDriver(host: HostFacts, compute: string): Refusal[] {
  const floor = compareVersions(compute, "7.0") < 0 ? OLLAMA_DRIVER.beforeCompute7 : OLLAMA_DRIVER.usual;
  if (host.driver !== null && branch(host.driver) >= floor) return [];
  return [
    {
      id: "gpu-driver-below-floor",
      what: "The NVIDIA driver is older than Ollama needs",
      found: `driver ${host.driver ?? "unknown"} with ${named(host)} (compute capability ${compute})`,
      needed: `driver ${floor} or newer; below it Ollama runs on the CPU without a word`,
      wayOut: `${driverWay(host)}; or ${CPU_WAY}`,
    },
  ];
}

type PythonDemand = Extract<EngineDemand, { engine: PythonEngineKind }>;

function chooseWheel(
  { engine, minimumDriver, minimumGlibc }: PythonDemand,
  host: HostFacts,
  compute: string,
): { build: "cu129" | "cu130"; refusals: Refusal[] } {
  const { product } = PYTHON_ENGINES[engine];
  const driver = host.driver === null ? 0 : branch(host.driver);
  const tooOldForGpu = compareVersions(compute, BLACKWELL.compute) >= 0 && driver < BLACKWELL.driver;
  const builds = WHEEL_BUILDS.filter((candidate) => candidate.driver >= minimumDriver);
  const wheel = builds.find((candidate) => driver >= candidate.driver && !tooOldForGpu);
  const tooOldForRelease = releaseGlibc(product, host, minimumGlibc);
  if (!wheel) {
    const floor = Math.max(minimumDriver, tooOldForGpu ? BLACKWELL.driver : WHEEL_BUILDS[1].driver);
    return {
      build: "cu130",
      refusals: [
        {
          id: "gpu-driver-below-floor",
          what: `The NVIDIA driver is older than this release of ${product} needs`,
          found: `driver ${host.driver ?? "unknown"} with ${named(host)} (compute capability ${compute})`,
          needed: `driver ${floor} or newer`,
          wayOut: `${driverWay(host)}; or set engine.kind to ollama`,
        },
        ...tooOldForRelease,
      ],
    };
  }
  if (tooOldForRelease.length > 0 || hasGlibc(host, wheel.glibc)) {
    return { build: wheel.build, refusals: tooOldForRelease };
  }
  return {
    build: wheel.build,
    refusals: [
      {
        id: "glibc",
        what: `The host's C library is older than ${product}'s ${wheel.build} build needs, which its driver calls for`,
        found: `${libraryOf(host)}, driver ${host.driver ?? "unknown"}`,
        needed:
          wheel.build === "cu129"
            ? "glibc 2.34 for CUDA 12.9; or driver 580, with which glibc 2.28 is enough"
            : `glibc ${wheel.glibc} or newer`,
        wayOut: [
          ...(wheel.build === "cu129" ? [driverWay(host)] : []),
          "set engine.kind to ollama",
          "choose a host with a newer system",
        ].join("; or "),
      },
    ],
  };
}

const hasGlibc = ({ glibc }: HostFacts, floor: string) => glibc !== null && compareVersions(glibc, floor) >= 0;

const libraryOf = ({ glibc }: HostFacts) => (glibc === null ? "no GNU C library" : `glibc ${glibc}`);

function releaseGlibc(product: string, host: HostFacts, floor: string): Refusal[] {
  if (hasGlibc(host, floor)) return [];
  return [
    {
      id: "glibc",
      what: `The host's C library is older than this release of ${product} needs`,
      found: libraryOf(host),
      needed: `glibc ${floor} or newer`,
      wayOut: `choose a host with a newer system; or set engine.kind to ollama`,
    },
  ];
}

function judgePython({ pythons }: HostFacts, series: string | undefined): Refusal[] {
  if (series === undefined || pythons.some((version) => version.startsWith(`${series}.`))) return [];
  return [
    {
      id: "python",
      what: "The host has no Python that the folder's packages are built for",
      found: pythons.length === 0 ? "no Python 3" : pythons.map((version) => `Python ${version}`).join(", "),
      needed: `Python ${series}`,
      wayOut: `install python${series} beside the system's own and measure again; or set engine.packages to index, which brings a Python along; or set engine.kind to ollama`,
    },
  ];
}
