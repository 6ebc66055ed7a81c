/** The instances that a GPU is split into (Multi-Instance GPU), as `nvidia-smi` tells of them. */

export interface MigInstance {
  /** Its number on its GPU; CUDA takes the first one unless it is told another. */
  readonly index: number;
  /** `3g.71gb`: the number in it is no size, the 18 GB of an H200's `1g.18gb` are 16,384 MiB. */
  readonly profile: string;
  readonly uuid: string;
  /** Memory in bytes; null where it could not be read. */
  readonly totalBytes: number | null;
}

const MIB = 2 ** 20;

/**
 * The instances of each GPU, by its UUID.
 * @param list of `nvidia-smi -L`: names and UUIDs
 * @param query of `nvidia-smi -q`, or those of its lines that are about memory: sizes
 */
export function readMigInstances(list: string, query: string): ReadonlyMap<string, readonly MigInstance[]> {
  const sizes = readSizes(query);
  const instances = new Map<string, MigInstance[]>();
  let gpu = "";
  for (const line of list.split("\n")) {
    const parent = /^GPU \d+: .*\(UUID: (GPU-[^)]+)\)/.exec(line)?.[1];
    if (parent !== undefined) {
      gpu = parent;
      instances.set(gpu, []);
    }
    const [, profile, number, uuid] = /^\s+MIG (\S+)\s+Device\s+(\d+): \(UUID: (MIG-[^)]+)\)/.exec(line) ?? [];
    if (profile === undefined || number === undefined || uuid === undefined) continue;
    const index = Number(number);
    instances.get(gpu)?.push({ index, profile, uuid, totalBytes: sizes.get(gpu)?.get(index) ?? null });
  }
  return instances;
}

/** Bytes by the UUID of a GPU and the number of an instance. A GPU's own UUID and memory come after its instances. */
function readSizes(query: string): ReadonlyMap<string, ReadonlyMap<number, number>> {
  const sizes = new Map<string, ReadonlyMap<number, number>>();
  let ofGpu = new Map<number, number>();
  let index: number | undefined;
  let section = "";
  for (const line of query.split("\n")) {
    const [key = "", value = ""] = line.split(/ : /).map((part) => part.trim());
    const total = /^(\d+) MiB$/.exec(value)?.[1];
    if (key === "MIG Device") index = undefined;
    else if (key === "Index") index = Number(value);
    else if (key.endsWith("Memory Usage") || key.endsWith("BAR1 Memory")) section = key;
    else if (key === "Total" && section.includes("FB") && index !== undefined && total !== undefined)
      ofGpu.set(index, Number(total) * MIB);
    else if (key === "GPU UUID") {
      sizes.set(value, ofGpu);
      ofGpu = new Map();
      index = undefined;
    }
  }
  return sizes;
}
