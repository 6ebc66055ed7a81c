import type { Engine } from "../config/schema";
import type { HostFacts, HostGpu } from "../host-facts";
import { PlanRefused, type Refusal } from "../preflight/refusal";

/** The GPUs of a host as its engine sees them. */

/** Whether the engine gets a part of the GPU whose memory is known. */
export const hasKnownInstance = ({ instances }: HostGpu): boolean =>
  instances?.[0] !== undefined && instances[0].memory !== null;

/**
 * Those of some GPUs on which a program computes: without the faulty ones; and where one is split into instances (MIG), its
 * first instance alone, since CUDA shows a program no more.
 */
export function seenByEngine(gpus: readonly HostGpu[]): readonly HostGpu[] {
  const working = gpus.filter(({ fault }) => fault === undefined);
  const split = working.find(hasKnownInstance);
  return split ? [firstInstance(split)] : working;
}

/** Which program holds memory of which instance is not told, so none counts. */
function firstInstance(gpu: HostGpu): HostGpu {
  const first = gpu.instances![0]!;
  return {
    ...gpu,
    name: `${gpu.name}, first instance ${first.profile}`,
    memory: first.memory,
    heldByOthers: 0,
    instances: [first],
  };
}

/** How an engine that gets an instance could get more. */
export const migWays = (gpus: readonly HostGpu[]): readonly string[] =>
  gpus.some(({ mig }) => mig)
    ? [
        "on the host make a larger instance the first one, or switch MIG off (`nvidia-smi -mig 0`, when no one uses the instances), and measure again",
      ]
    : [];

/**
 * The host with the GPUs that the engine is to use.
 * @throws PlanRefused where it lacks one that the stack file names
 */
export function withEngineGpus({ gpus }: Engine, facts: HostFacts, stack: string): HostFacts {
  // Without a driver's answer there are none to count; that is told elsewhere.
  if (facts.gpus.length === 0) return facts;
  const absent = gpus?.filter((number) => facts.gpus[number] === undefined) ?? [];
  if (absent.length > 0) {
    throw new PlanRefused(stack, [
      {
        id: "gpu-absent",
        what: `engine.gpus names ${absent.map((number) => `GPU ${number}`).join(" and ")}, which the host does not have`,
        found: facts.gpus.map(({ name }, number) => `${number}: ${name}`).join(", "),
        needed: "GPUs by the numbers that nvidia-smi shows, from 0 on",
        wayOut: `correct engine.gpus; or, if the host has changed, npm run facts -- ${stack}`,
      },
    ]);
  }
  return { ...facts, gpus: [...seenByEngine(meant(gpus, facts).map(({ gpu }) => gpu))] };
}

/** The GPUs that the engine may use, in the stack file's order, as far as a driver answers for them. */
const meant = (numbers: readonly number[] | undefined, { gpus }: HostFacts) =>
  (numbers ?? [...gpus.keys()]).flatMap((number) => {
    const gpu = gpus[number];
    return gpu ? [{ number, gpu }] : [];
  });

/** The GPUs that the engine is to use and that did not work when the host was measured. */
export function faultyGpus({ gpus }: Engine, facts: HostFacts, stack: string): Refusal[] {
  const all = meant(gpus, facts);
  const working = all.filter(({ gpu }) => gpu.fault === undefined).map(({ number }) => number);
  const leaveOut = working.length === 0 ? "" : `set engine.gpus to [${working.join(", ")}], which leaves it out; or `;
  return all
    .filter(({ gpu }) => gpu.fault !== undefined)
    .map(({ number, gpu }) => ({
      id: "gpu-faulty",
      what: `GPU ${number} (${gpu.name}) did not work when the host was measured`,
      found: `nvidia-smi: ${gpu.fault}`,
      needed: "working GPUs",
      wayOut: `${leaveOut}repair it (on the host: dmesg | grep -e NVRM -e Xid), then npm run facts -- ${stack}`,
    }));
}
