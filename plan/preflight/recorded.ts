import { compareVersions } from "../compatibility";
import type { Existing } from "../existing";
import type { Facts } from "../facts";
import { factsFile, hostFacts, MEMORY_STEP, type HostFacts, type HostGpu } from "../host-facts";
import type { Refusal } from "./refusal";
import { atLeast, atMost } from "./sizes";

/** Holds a host against the facts that its plan was made for. */

/** The facts of a plan, and the stack whose file holds them. */
export interface RecordedFacts {
  readonly stack: string;
  readonly facts: HostFacts;
}

interface Change {
  readonly what: string;
  readonly was: string;
  readonly is: string;
}

/**
 * Refuses a host that is another one than planned, or has less; a host that has more is worth knowing about. Both sides
 * are rounded alike, so a small change of no consequence is none.
 * @param only numbers of the GPUs that the engine may use, without which all are looked at
 */
export function judgeRecordedFacts(
  measured: Facts,
  { stack, facts: recorded }: RecordedFacts,
  existing: Existing,
  only?: readonly number[],
): { refusals: Refusal[]; warnings: Refusal[] } {
  const found = hostFacts(measured, existing);
  const worse = [...identityChanges(recorded, found, only), ...losses(recorded, found, only)];
  const better = gains(recorded, found);
  const again = `npm run facts -- ${stack} measures the host again and shows what changed; then npm run preview -- ${stack}`;
  return {
    refusals: worse.map(({ what, was, is }) => ({
      id: "facts-changed",
      what: `The host is not the one that the plan was made for: ${what}`,
      found: is,
      needed: `${was}, as ${factsFile(stack)} says`,
      wayOut: again,
    })),
    warnings: better.map(({ what, was, is }) => ({
      id: "facts-outgrown",
      what: `The host has more than the plan was made for: ${what}`,
      found: is,
      needed: `nothing; the plan uses ${was}`,
      wayOut: `none needed; to use it, ${again}`,
    })),
  };
}

function identityChanges(recorded: HostFacts, found: HostFacts, only?: readonly number[]): Change[] {
  const gpus = (facts: HostFacts) => facts.gpus.filter((_, number) => isMeant(number, only));
  const rows: [string, (facts: HostFacts) => string][] = [
    ["its system", ({ system }) => `${system.id} ${system.version}`],
    ["its architecture", ({ architecture }) => architecture],
  ];
  // A driver that has come since answers for GPUs that were there before.
  if (!driverHasCome(recorded, found)) rows.push(["its GPUs", (facts) => list(gpus(facts).map(gpuName))]);
  return rows.flatMap(([what, value]) => changed(what, value(recorded), value(found)));
}

const driverHasCome = (recorded: HostFacts, found: HostFacts) =>
  recorded.gpus.length === 0 &&
  recorded.gpusWithoutDriver.length > 0 &&
  found.gpus.length === recorded.gpusWithoutDriver.length;

const isMeant = (number: number, only?: readonly number[]) => only?.includes(number) ?? true;
const list = (items: readonly string[]) => (items.length === 0 ? "none" : items.join(", "));
const gpuName = ({ name, computeCapability, mig, fault }: HostGpu) =>
  fault === undefined
    ? `${name} (compute capability ${computeCapability ?? "unknown"}${mig ? ", MIG on" : ""})`
    : `${name} (which answers with an error)`;
const instancesOf = ({ instances = [] }: HostGpu) =>
  list(instances.map(({ profile, memory }) => (memory === null ? profile : `${profile} with ${atMost(memory)}`)));

const changed = (what: string, was: string, is: string): Change[] => (was === is ? [] : [{ what, was, is }]);

function losses(recorded: HostFacts, found: HostFacts, only?: readonly number[]): Change[] {
  return [
    ...(found.memory < recorded.memory - MEMORY_STEP ? [sizeChange("its memory", recorded.memory, found.memory)] : []),
    ...olderVersion("its C library", recorded.glibc, found.glibc),
    ...olderVersion("its NVIDIA driver", branch(recorded.driver), branch(found.driver)),
    ...recorded.gpus.flatMap((gpu, index) => {
      const now = found.gpus[index];
      if (!now || !isMeant(index, only) || gpuName(now) !== gpuName(gpu)) return [];
      const at = `GPU ${index} (${gpu.name})`;
      return [
        ...((now.memory ?? 0) < (gpu.memory ?? 0)
          ? [sizeChange(`memory of ${at}`, gpu.memory ?? 0, now.memory ?? 0)]
          : []),
        ...(gpu.instances && now.instances ? changed(`instances of ${at}`, instancesOf(gpu), instancesOf(now)) : []),
        ...(now.heldByOthers > gpu.heldByOthers + MEMORY_STEP
          ? [
              {
                what: `what other programs hold of ${at}`,
                was: atLeast(gpu.heldByOthers),
                is: atLeast(now.heldByOthers),
              },
            ]
          : []),
      ];
    }),
  ];
}

function gains(recorded: HostFacts, found: HostFacts): Change[] {
  return [
    ...(found.memory > recorded.memory * 1.1 ? [sizeChange("memory", recorded.memory, found.memory)] : []),
    ...(driverHasCome(recorded, found)
      ? [{ what: "its GPUs answer", was: "no GPU", is: list(found.gpus.map(gpuName)) }]
      : []),
  ];
}

const sizeChange = (what: string, was: number, is: number): Change => ({ what, was: atMost(was), is: atMost(is) });
const branch = (driver: string | null) => (driver === null ? null : (driver.split(".")[0] ?? null));

function olderVersion(what: string, was: string | null, is: string | null): Change[] {
  if (was === null || (is !== null && compareVersions(is, was) >= 0)) return [];
  return [{ what, was, is: is ?? "none" }];
}
