import type { MigInstance } from "./nvidia-smi-mig";

/** What `nvidia-smi` said, as facts. Its exit codes overlap and differ by version, so its text is read first. */

/** One GPU as the driver shows it. */
export interface GpuDevice {
  readonly index: number;
  readonly name: string;
  /** Memory in bytes; null where the GPU shares the host's (GB10): then /proc/meminfo counts. */
  readonly totalBytes: number | null;
  readonly freeBytes: number | null;
  /** `8.9`; null where the driver does not tell. */
  readonly computeCapability: string | null;
  readonly uuid: string | null;
  /** Whether Multi-Instance GPU is on; null where the GPU has none. */
  readonly mig: boolean | null;
  /** Memory that the driver keeps for itself; absent where it does not tell (before 510). */
  readonly reservedBytes?: number;
  /** What it is split into, where MIG is on; absent where that could not be read. */
  readonly instances?: readonly MigInstance[];
  /** The error that it answers with instead of its state, as `[Unknown Error]`; absent where it works. */
  readonly fault?: string;
}

export type NvidiaSmiFailure =
  | "version-mismatch"
  | "driver-not-loaded"
  | "no-devices"
  | "no-permission"
  | "access-lost"
  | "driver-too-old"
  | "library-missing"
  | "gpu-lost"
  | "power-cable"
  | "inforom-corrupt"
  | "faulty"
  | "unsupported"
  | "no-answer"
  | "unreadable";

export type NvidiaSmi =
  | { readonly state: "absent" }
  | {
      readonly state: "ready";
      readonly driver: string;
      readonly devices: readonly GpuDevice[];
      /** What it says of a corrupt infoROM, with which a GPU still computes; absent where it says nothing. */
      readonly infoRom?: string;
    }
  | { readonly state: "failed"; readonly failure: NvidiaSmiFailure; readonly exitCode: number; readonly text: string };

// Order matters: "Driver/library version mismatch" also begins with "Failed to initialize NVML", and a lost GPU that was the
// only one also ends with "No devices were found".
const BY_TEXT: readonly (readonly [RegExp, NvidiaSmiFailure])[] = [
  [/driver\/library version mismatch/i, "version-mismatch"],
  [/couldn't communicate with the NVIDIA driver|NVML: Driver Not Loaded/i, "driver-not-loaded"],
  [/GPU is lost|fallen off the bus|GPU requires reset|unable to determine the device handle/i, "gpu-lost"],
  [/no devices were found/i, "no-devices"],
  [/blocked by the operating system/i, "unsupported"],
  [/insufficient permissions/i, "no-permission"],
  [/is not a valid field to query/i, "driver-too-old"],
  [/couldn't find libnvidia-ml|NVML shared library|NVML: Not Found/i, "library-missing"],
  [/infoROM is corrupt/i, "inforom-corrupt"],
  [/NVML: Unknown Error/i, "access-lost"],
  // In the cells of a table, where no GPU has better ones.
  [/\[Unknown Error\]|ERR!/, "faulty"],
];

/** The exit code with a corrupt infoROM; the GPU computes nevertheless. */
const INFOROM = 14;

// Codes as `man nvidia-smi` lists them; 18 is NVML's own number, which the manual omits; 124 and 137 are from `timeout`; 139
// is nvidia-smi itself crashing, as it does under WSL.
const BY_EXIT_CODE: Readonly<Record<number, NvidiaSmiFailure>> = {
  2: "driver-too-old",
  3: "unsupported",
  4: "no-permission",
  6: "no-devices",
  8: "power-cable",
  9: "driver-not-loaded",
  12: "library-missing",
  [INFOROM]: "inforom-corrupt",
  15: "gpu-lost",
  18: "version-mismatch",
  124: "no-answer",
  137: "no-answer",
  139: "unsupported",
};

const NULLS = new Set(["", "N/A", "[N/A]", "Unknown", "[Unknown]", "[Not Supported]", "[Not Available]"]);
const FAULTS = /^(\[(Unknown Error|GPU is lost|GPU requires reset|Insufficient Permissions)\]|Unknown Error|ERR!)$/i;
const FIELDS = 8;
const MIB = 2 ** 20;

/**
 * Classifies the answer to `--query-gpu=index,name,memory.total,memory.free,driver_version,compute_cap,uuid,mig.mode.current
 * --format=csv,noheader,nounits`. Exit code 127 with no text is an absent command. Where at least one GPU answers, those
 * that don't are devices with a fault, and other lines are none of the table: warnings come before it and after it.
 */
export function classifyNvidiaSmi(exitCode: number, output: string): NvidiaSmi {
  const text = output.trim();
  if (exitCode === 127 && !text.includes("NVIDIA")) return { state: "absent" };
  const failed = (failure: NvidiaSmiFailure): NvidiaSmi => ({ state: "failed", failure, exitCode, text });
  const lines = text.split("\n");
  const rows = lines.flatMap((line) => readRow(line) ?? []);
  const others = lines.filter((line) => readRow(line) === undefined);
  const driver = rows.find(({ device }) => device.fault === undefined)?.driver;
  const named = failureNamed(driver == null ? text : others.join("\n"));
  const infoRom = named === "inforom-corrupt" || (exitCode === INFOROM && named === undefined);
  if (driver != null && (infoRom || named === undefined) && (exitCode === 0 || exitCode === INFOROM)) {
    if (others.some((line) => /^\s*\d+\s*,/.test(line))) return failed("unreadable");
    const devices = rows.map(({ device }) => device);
    const said = others.find((line) => /infoROM/i.test(line))?.trim() ?? `exit code ${exitCode}`;
    return { state: "ready", driver, devices, ...(infoRom ? { infoRom: said } : {}) };
  }
  return failed(named ?? (exitCode === 0 ? "unreadable" : (BY_EXIT_CODE[exitCode] ?? "unreadable")));
}

const failureNamed = (text: string) => BY_TEXT.find(([pattern]) => pattern.test(text))?.[1];

function readRow(line: string): { readonly device: GpuDevice; readonly driver: string | null } | undefined {
  const cells = line.split(",").map((cell) => cell.trim());
  if (cells.length !== FIELDS || !/^\d+$/.test(cells[0] ?? "")) return undefined;
  const fault = cells.find((cell) => FAULTS.test(cell));
  const [index, name, total, free, driver, capability, uuid, mig] = cells.map((cell) =>
    NULLS.has(cell) || FAULTS.test(cell) ? null : cell,
  );
  const numbers = [total, free].every((value) => value === null || /^\d+$/.test(value ?? ""));
  if (fault === undefined && (!name || !driver || !numbers)) return undefined;
  const bytes = (mebibytes: string | null | undefined) =>
    fault === undefined && mebibytes ? Number(mebibytes) * MIB : null;
  return {
    driver: driver ?? null,
    device: {
      index: Number(index),
      name: name ?? "a GPU without a name",
      totalBytes: bytes(total),
      freeBytes: bytes(free),
      computeCapability: capability ?? null,
      uuid: uuid ?? null,
      mig: mig === null || mig === undefined ? null : mig === "Enabled",
      ...(fault === undefined ? {} : { fault }),
    },
  };
}
