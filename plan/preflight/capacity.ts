import type { Facts } from "../facts";
import type { Refusal } from "./refusal";
import type { Requirements } from "./requirements";
import { atLeast, atMost } from "./sizes";

/** Totals, never "free now": our own second run must be judged as the first. */
export function judgeMemory({ memory }: Facts, { memoryBytes, memoryReserveBytes = 0 }: Requirements): Refusal[] {
  if (memoryBytes <= memory.totalBytes) return [];
  const room = memory.totalBytes - memoryReserveBytes;
  const reserve =
    memoryReserveBytes > 0 ? `, of which ${atLeast(memoryReserveBytes)} for the system and the engine itself` : "";
  return [
    {
      id: "memory",
      what: `The models need ${atLeast(memoryBytes)} of memory, the host has ${atMost(memory.totalBytes)}`,
      found: `${atMost(memory.totalBytes)}${memory.limitedBy === "control group" ? ", the limit of a control group" : ""}; swap does not count`,
      needed: `${atLeast(memoryBytes)}${reserve}`,
      wayOut: `choose a smaller quantization or context, fewer models, less engine.parallel, or a host with more memory${room > 0 ? `; models of ${atMost(room)} together fit` : ""}`,
    },
  ];
}

/** A release that is there is neither asked for again, nor room that anything else could have. */
function diskDemand({ ours }: Facts, { diskBytes, release }: Requirements): Readonly<Record<string, number>> {
  if (release === undefined || ours?.releases?.includes(release.folder)) return diskBytes;
  const paths = [...new Set([...Object.keys(diskBytes), ...Object.keys(release.diskBytes)])];
  return Object.fromEntries(paths.map((path) => [path, (diskBytes[path] ?? 0) + (release.diskBytes[path] ?? 0)]));
}

export function judgeDisks(facts: Facts, requirements: Requirements): Refusal[] {
  const diskBytes = diskDemand(facts, requirements);
  const mountOf = (path: string) =>
    facts.disks
      .filter(({ mount }) => mount === "/" || path === mount || path.startsWith(`${mount}/`))
      .reduce((best, next) => (next.mount.length > best.mount.length ? next : best));
  return facts.disks.flatMap((disk) => {
    const paths = Object.keys(diskBytes).filter((path) => mountOf(path) === disk);
    const needed = paths.reduce((sum, path) => sum + diskBytes[path]!, 0);
    const used = (facts.ours?.used ?? [])
      .filter(({ path }) => mountOf(path) === disk)
      .reduce((sum, { bytes }) => sum + bytes, 0);
    if (needed <= disk.freeBytes + used) return [];
    return [
      {
        id: "disk",
        what: `The disk at ${disk.mount} has too little room`,
        found: `${atMost(disk.freeBytes)} free of ${atMost(disk.sizeBytes)}${used > 0 ? `, and ${atMost(used)} that is ours already` : ""}`,
        needed: `${atLeast(needed)} for ${paths.join(" and ")}`,
        wayOut: `free some space, mount a larger disk at ${paths[0]!}, or choose smaller models`,
      },
    ];
  });
}
