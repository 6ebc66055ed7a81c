import type { Facts, GpuProcess } from "./facts";
import type { GpuDevice } from "./nvidia-smi";

/** What others hold of a GPU. */

const MIB = 2 ** 20;

/**
 * What the driver keeps for itself beyond what it calls reserved: nothing on an idle GPU, up to 20 MiB with three programs
 * (captures of H100, H200, L40S). Less than this is nobody's, so that our own engine makes no difference.
 */
const DRIVERS_OWN = 64 * MIB;

/** Bytes that the driver reserves, by the UUID of a GPU, from `--query-gpu=uuid,memory.reserved`; none before driver 510. */
export function readReserved(output: string): ReadonlyMap<string, number> {
  const rows = output.split("\n").map((line) => /^(GPU-\S+), (\d+)\s*$/.exec(line.trim()));
  return new Map(rows.flatMap((row) => (row ? [[row[1]!, Number(row[2]) * MIB] as const] : [])));
}

/**
 * Bytes of a GPU that are not for our engine: what programs hold, and what is held without a program that is listed, as a
 * desktop's graphics. Where the sum cannot be told apart from our own engine's part, what is listed counts alone.
 * @param staysThere whether a program goes on beside our engine; the memory of others is or will be ours
 */
export function heldByOthers(device: GpuDevice, facts: Facts, staysThere: (process: GpuProcess) => boolean): number {
  const holders = facts.gpu.processes.filter(({ gpu }) => gpu === device.uuid);
  const listed = sum(holders.filter(staysThere));
  const { totalBytes, freeBytes, reservedBytes } = device;
  if (totalBytes === null || freeBytes === null || reservedBytes === undefined) return listed;
  const unknownOfOurs = holders.some((process) => !staysThere(process) && process.usedBytes === 0);
  // From within a container no program of the machine is seen, our own among them.
  if (unknownOfOurs || facts.inContainer || device.mig === true) return listed;
  const unlisted = totalBytes - freeBytes - reservedBytes - sum(holders);
  return unlisted > DRIVERS_OWN ? listed + unlisted : listed;
}

const sum = (processes: readonly GpuProcess[]) => processes.reduce((bytes, { usedBytes }) => bytes + usedBytes, 0);
