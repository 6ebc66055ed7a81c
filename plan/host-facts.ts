import { parse, stringify } from "yaml";
import { z } from "zod";
import { describePciGpu } from "./catalog/gpus";
import { formatSize, size } from "./config/units";
import { choiceFor, DEFAULT_EXISTING, type Existing } from "./existing";
import type { Facts, GpuProcess } from "./facts";
import { heldByOthers } from "./gpu-memory";
import type { GpuDevice } from "./nvidia-smi";
import { isOurProcess } from "./preflight/ownership";

/**
 * What a plan is made for: the facts of a host that stay the same from one measurement to the next, totals alone. Kept
 * in `facts.<stack>.yaml`, reviewed and committed like a lock file.
 */

export const FACTS_SCHEMA = "tms-llm/facts/v1";

const nothing = z.null();
const version = () => z.string().regex(/^\d+(\.\d+)*$/);

const gpuSchema = z.strictObject({
  name: z.string(),
  /** Null where the GPU shares the host's memory. */
  memory: z.union([size(), nothing]),
  /** What is held of it by programs that are not ours, a desktop among them. */
  heldByOthers: size(),
  computeCapability: z.union([version(), nothing]),
  mig: z.boolean(),
  /** The instances that it is split into, in their order; absent where MIG is off or they could not be read. */
  instances: z.array(z.strictObject({ profile: z.string(), memory: z.union([size(), nothing]) })).optional(),
  /** The error that it answers with instead of its state; absent where it works. */
  fault: z.string().optional(),
});

const hostFactsSchema = z.strictObject({
  schema: z.literal(FACTS_SCHEMA),
  system: z.strictObject({ id: z.string(), version: z.string() }),
  architecture: z.string(),
  kernel: z.enum(["stock", "uek"]),
  glibc: z.union([version(), nothing]),
  processors: z.number().int().min(1),
  memory: size(),
  disks: z.record(z.string(), size()),
  gpus: z.array(gpuSchema),
  /** NVIDIA devices that no driver answers for, in words. */
  gpusWithoutDriver: z.array(z.string()),
  /** The loaded driver, once nvidia-smi answers. */
  driver: z.union([version(), nothing]),
  secureBoot: z.enum(["on", "off", "none", "unknown"]),
  selinux: z.enum(["enforcing", "permissive", "disabled"]),
  docker: z.enum(["absent", "snap", "podman", "package"]),
  /** Versions of Python 3 on the path, newest first. */
  pythons: z.array(version()),
});

export type HostFacts = z.output<typeof hostFactsSchema>;
export type HostGpu = HostFacts["gpus"][number];

const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** A kernel's update moves the reported total by some megabytes: less than this is no difference. */
export const MEMORY_STEP = 256 * MIB;

const floor = (bytes: number, step: number) => Math.floor(bytes / step) * step;
const ceil = (bytes: number, step: number) => Math.ceil(bytes / step) * step;

/** The stable part of what was measured. @param existing by which a former engine's memory will be ours */
export function hostFacts(facts: Facts, existing: Existing = DEFAULT_EXISTING): HostFacts {
  const { gpu, memory } = facts;
  const staysThere = (process: GpuProcess) =>
    !isOurProcess(process) && choiceFor(process.unit, existing)?.choice !== "adopt";
  return {
    schema: FACTS_SCHEMA,
    system: { id: facts.os.id, version: facts.os.version },
    architecture: facts.architecture,
    kernel: facts.kernelFlavour,
    glibc: facts.glibc,
    processors: facts.cpu.count,
    memory: floor(memory.totalBytes, MEMORY_STEP),
    disks: Object.fromEntries(
      [...facts.disks]
        .sort((one, other) => (one.mount < other.mount ? -1 : 1))
        .map(({ mount, sizeBytes }) => [mount, floor(sizeBytes, GIB)]),
    ),
    gpus:
      gpu.nvidiaSmi.state !== "ready"
        ? []
        : gpu.nvidiaSmi.devices.map((device) =>
            hostGpu(device, ceil(heldByOthers(device, facts, staysThere), MEMORY_STEP)),
          ),
    gpusWithoutDriver:
      gpu.nvidiaSmi.state === "ready" ? [] : gpu.pciDevices.map(({ device }) => describePciGpu(device)),
    driver: gpu.nvidiaSmi.state === "ready" ? gpu.nvidiaSmi.driver : null,
    secureBoot: facts.secureBoot,
    selinux: facts.selinux,
    docker: facts.docker.kind,
    pythons: [...facts.pythons],
  };
}

function hostGpu({ name, totalBytes, computeCapability, mig, instances, fault }: GpuDevice, held: number): HostGpu {
  return {
    name,
    memory: totalBytes,
    heldByOthers: held,
    computeCapability,
    mig: mig ?? false,
    ...(instances === undefined
      ? {}
      : { instances: instances.map((instance) => ({ profile: instance.profile, memory: instance.totalBytes })) }),
    ...(fault === undefined ? {} : { fault }),
  };
}

/** Name of a stack's facts file, beside its stack file. */
export const factsFile = (stack: string) => `facts.${stack}.yaml`;

/** The facts with sizes as people write them. */
function written(facts: HostFacts) {
  const sized = (bytes: number | null) => (bytes === null ? null : formatSize(bytes));
  return {
    ...facts,
    memory: formatSize(facts.memory),
    disks: Object.fromEntries(Object.entries(facts.disks).map(([mount, bytes]) => [mount, formatSize(bytes)])),
    gpus: facts.gpus.map((gpu) => ({
      ...gpu,
      memory: sized(gpu.memory),
      heldByOthers: formatSize(gpu.heldByOthers),
      ...(gpu.instances === undefined
        ? {}
        : { instances: gpu.instances.map(({ profile, memory }) => ({ profile, memory: sized(memory) })) }),
    })),
  };
}

/** The text of a facts file; the same facts give the same text. */
export function renderFactsFile(facts: HostFacts, stack: string): string {
  return [
    `# The host of ${stack} as it was measured. Plans are made for it; commit it like a lock file.`,
    `# \`npm run facts -- ${stack}\` measures again and writes it anew.`,
    stringify(written(facts), { lineWidth: 0 }),
  ].join("\n");
}

/** What differs between two measurements, one line each: `memory: 62 GiB → 30 GiB`. */
export function factsDifferences(before: HostFacts, now: HostFacts): string[] {
  const [old, current] = [flat(written(before)), flat(written(now))];
  const keys = [...new Set([...old.keys(), ...current.keys()])];
  return keys
    .filter((key) => old.get(key) !== current.get(key))
    .map((key) => `${key}: ${old.get(key) ?? "nothing"} → ${current.get(key) ?? "nothing"}`);
}

function flat(value: unknown, path = ""): Map<string, string> {
  if (typeof value !== "object" || value === null) return new Map([[path, String(value)]]);
  const join = (key: string) => (Array.isArray(value) ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`);
  return new Map(Object.entries(value).flatMap(([key, inner]) => [...flat(inner, join(key))]));
}

/** A facts file that cannot be used; the message is ready for a terminal. */
export class FaultyFactsFile extends Error {
  override readonly name = "FaultyFactsFile";

  constructor(stack: string, faults: readonly string[]) {
    super(
      [
        `${factsFile(stack)} cannot be used. No host was touched.`,
        ...faults.map((fault) => `  found:   ${fault}`),
        `  needed:  a file as \`npm run facts -- ${stack}\` writes it`,
        `  way out: measure the host again: npm run facts -- ${stack}`,
      ].join("\n"),
    );
  }
}

/** The facts in a file's text. @throws FaultyFactsFile with every fault at once */
export function parseFactsFile(text: string, stack: string): HostFacts {
  let raw: unknown;
  try {
    raw = parse(text);
  } catch (error) {
    throw new FaultyFactsFile(stack, [error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error)]);
  }
  const { data, error } = hostFactsSchema.safeParse(raw);
  if (error) {
    throw new FaultyFactsFile(
      stack,
      error.issues.map(({ path, message }) => [path.join(".") || "the file", message].join(": ")),
    );
  }
  return data;
}
