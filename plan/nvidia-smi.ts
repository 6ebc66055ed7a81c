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
  | "unsupported"
  | "no-answer"
  | "unreadable";

export type NvidiaSmi =
  | { readonly state: "absent" }
  | { readonly state: "ready"; readonly driver: string; readonly devices: readonly GpuDevice[] }
  | { readonly state: "failed"; readonly failure: NvidiaSmiFailure; readonly exitCode: number; readonly text: string };

// Order matters: "Driver/library version mismatch" also begins with "Failed to initialize NVML".
const BY_TEXT: readonly (readonly [RegExp, NvidiaSmiFailure])[] = [
  [/driver\/library version mismatch/i, "version-mismatch"],
  [/couldn't communicate with the NVIDIA driver|NVML: Driver Not Loaded/i, "driver-not-loaded"],
  [/no devices were found/i, "no-devices"],
  [/insufficient permissions/i, "no-permission"],
  [/is not a valid field to query/i, "driver-too-old"],
  [/couldn't find libnvidia-ml|NVML shared library|NVML: Not Found/i, "library-missing"],
  [/GPU is lost|fallen off the bus|GPU requires reset|unable to determine the device handle/i, "gpu-lost"],
  [/infoROM is corrupt/i, "inforom-corrupt"],
  [/NVML: Unknown Error/i, "access-lost"],
];

// Codes as `man nvidia-smi` lists them; 18 is NVML's own number, which the manual omits; 124 and 137 are from `timeout`.
const BY_EXIT_CODE: Readonly<Record<number, NvidiaSmiFailure>> = {
  2: "driver-too-old",
  3: "unsupported",
  4: "no-permission",
  6: "no-devices",
  8: "power-cable",
  9: "driver-not-loaded",
  12: "library-missing",
  14: "inforom-corrupt",
  15: "gpu-lost",
  18: "version-mismatch",
  124: "no-answer",
  137: "no-answer",
};

const NULLS = new Set(["", "N/A", "[N/A]", "Unknown", "[Unknown]", "[Not Supported]", "[Not Available]"]);
const FIELDS = 8;
const MIB = 2 ** 20;

/**
 * Classifies the answer to `--query-gpu=index,name,memory.total,memory.free,driver_version,compute_cap,uuid,mig.mode.current
 * --format=csv,noheader,nounits`. Exit code 127 with no text is an absent command.
 */
export function classifyNvidiaSmi(exitCode: number, output: string): NvidiaSmi {
  const text = output.trim();
  if (exitCode === 127 && !text.includes("NVIDIA")) return { state: "absent" };
  const failed = (failure: NvidiaSmiFailure): NvidiaSmi => ({ state: "failed", failure, exitCode, text });
  const named = BY_TEXT.find(([pattern]) => pattern.test(text))?.[1];
  if (named !== undefined) return failed(named);
  if (exitCode !== 0) return failed(BY_EXIT_CODE[exitCode] ?? "unreadable");
  const rows = text.split("\n").map(readRow);
  const devices = rows.flatMap((row) => (row === undefined ? [] : [row.device]));
  const driver = rows[0]?.driver;
  if (devices.length < rows.length || driver === undefined) return failed("unreadable");
  return { state: "ready", driver, devices };
}

function readRow(line: string): { device: GpuDevice; driver: string } | undefined {
  const fields = line.split(",").map((field) => field.trim());
  const [index, name, total, free, driver, capability, uuid, mig] = fields.map((field) =>
    NULLS.has(field) ? null : field,
  );
  const numbers = [total, free].every((value) => value === null || /^\d+$/.test(value ?? ""));
  if (fields.length !== FIELDS || !/^\d+$/.test(index ?? "") || !name || !driver || !numbers) return undefined;
  const bytes = (mebibytes: string | null | undefined) => (mebibytes ? Number(mebibytes) * MIB : null);
  return {
    driver,
    device: {
      index: Number(index),
      name,
      totalBytes: bytes(total),
      freeBytes: bytes(free),
      computeCapability: capability ?? null,
      uuid: uuid ?? null,
      mig: mig === null || mig === undefined ? null : mig === "Enabled",
    },
  };
}
