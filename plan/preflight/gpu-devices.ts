import type { GpuDevice, NvidiaSmi } from "../nvidia-smi";
import type { GpuRequirement } from "./gpu";
import type { Refusal } from "./refusal";
import { atLeast, atMost } from "./sizes";

/** What single GPUs of a host say whose driver answers: those that cannot be used, and what is worth knowing of the others. */

type Answer = Extract<NvidiaSmi, { state: "ready" }>;
type Demand = Pick<GpuRequirement, "only" | "weightBytes">;

export const REPAIR_WAY =
  "read `dmesg | grep -e NVRM -e Xid` on the host, then power it off and on; if the error comes back, check power supply, seating and temperature, or replace the GPU";

const MIG_OFF = "switch MIG off (`nvidia-smi -mig 0`, when no one uses the instances)";

const isMeant = ({ only }: Demand, { index }: GpuDevice) => only?.includes(index) ?? true;
const named = ({ index, name }: GpuDevice) => `GPU ${index} (${name})`;
const printable = (text: string) => text.replaceAll(/\p{Cc}/gu, " ").slice(0, 160);

/** CUDA shows a program one instance, the first, and then no whole GPU beside it. */
const firstSplit = (devices: readonly GpuDevice[]) =>
  devices.find(({ mig, instances, fault }) => fault === undefined && mig === true && instances?.length !== 0);

/** The GPUs that the engine is to use and cannot. */
export function unusableDevices({ devices }: Answer, demand: Demand, needed: string): Refusal[] {
  const meant = devices.filter((device) => isMeant(demand, device));
  const working = meant.filter(({ fault }) => fault === undefined).map(({ index }) => index);
  const leaveOut = working.length === 0 ? "" : `set engine.gpus to [${working.join(", ")}], which leaves it out; or `;
  const split = firstSplit(meant);
  return [
    ...meant
      .filter(({ fault }) => fault !== undefined)
      .map((device) => ({
        id: "gpu-faulty",
        what: `${named(device)} answers with an error instead of its state`,
        found: `nvidia-smi: ${device.fault}`,
        needed,
        wayOut: `${leaveOut}${REPAIR_WAY}`,
      })),
    ...meant.filter(({ instances }) => instances?.length === 0).map((device) => withoutInstance(device, needed)),
    ...(split ? smallInstance(split, demand) : []),
  ];
}

const withoutInstance = (device: GpuDevice, needed: string): Refusal => ({
  id: "gpu-mig-empty",
  what: `${named(device)} is to be split into instances (MIG), and has none: nothing can compute on it`,
  found: "MIG on, no instance",
  needed,
  wayOut: `on the host ${MIG_OFF}, or make an instance (\`nvidia-smi mig -lgip\` lists the sizes; \`nvidia-smi mig -cgi <size> -C\`)`,
});

function smallInstance(device: GpuDevice, { weightBytes = 0 }: Demand): Refusal[] {
  const memory = device.instances?.[0]?.totalBytes ?? null;
  if (memory === null || memory >= weightBytes) return [];
  return [
    {
      id: "gpu-mig-small",
      what: `${named(device)} is split into instances (MIG), and the first one, which is all that the engine gets, is too small`,
      found: atMost(memory),
      needed: `${atLeast(weightBytes)} for the weights of the largest model alone`,
      wayOut: `choose a smaller model or quantization; or make a larger instance the first one; or on the host ${MIG_OFF}`,
    },
  ];
}

/** What does not stand in the way. */
export function deviceWarnings({ devices, infoRom }: Answer, demand: Demand): Refusal[] {
  const leftOut = devices.filter((device) => device.fault !== undefined && !isMeant(demand, device));
  const split = firstSplit(devices.filter((device) => isMeant(demand, device)));
  return [
    ...(infoRom === undefined ? [] : [infoRomWarning(infoRom)]),
    ...leftOut.map((device) => ({
      id: "gpu-faulty",
      what: `${named(device)} answers with an error; engine.gpus leaves it out`,
      found: `nvidia-smi: ${device.fault}`,
      needed: "nothing",
      wayOut: `none needed; to use it, ${REPAIR_WAY}`,
    })),
    ...(split ? [migWarning(split)] : []),
  ];
}

const infoRomWarning = (said: string): Refusal => ({
  id: "gpu-inforom-corrupt",
  what: "A GPU's infoROM is corrupt; the GPU computes nevertheless",
  found: `nvidia-smi: ${printable(said)}`,
  needed: "nothing; without it the GPU cannot keep count of its memory's errors",
  wayOut: "none needed at once; have the GPU reset or replaced with its vendor's support (`nvidia-smi -q` names it)",
});

function migWarning(device: GpuDevice): Refusal {
  const [first, ...others] = device.instances ?? [];
  const what = `${named(device)} is split into instances (MIG), and the first one is all that the engine gets`;
  if (first?.totalBytes == null) {
    return {
      id: "gpu-mig-unread",
      what,
      found: `${first ? printable(first.profile) : "MIG on"}, memory of the instance not known`,
      needed: "a plan that fits into it",
      wayOut: `see what the first instance has (on the host: nvidia-smi) and compare it with what the models need (npm run models); or on the host ${MIG_OFF}`,
    };
  }
  const words = [first, ...others].map(
    ({ profile, totalBytes }) => `${printable(profile)}${totalBytes === null ? "" : ` with ${atMost(totalBytes)}`}`,
  );
  return {
    id: "gpu-mig",
    what,
    found: `${words[0]} (${printable(first.uuid)})${others.length === 0 ? "" : `, beside ${words.slice(1).join(", ")}`}`,
    needed: `a plan that fits into ${atMost(first.totalBytes)}`,
    wayOut: `none needed where it does; for more, make a larger instance the first one, or on the host ${MIG_OFF}`,
  };
}
