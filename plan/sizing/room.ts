import type { Placement } from "../compatibility";
import type { StackConfig } from "../config/schema";
import type { HostFacts } from "../host-facts";
import { atLeast, atMost } from "../preflight/sizes";
import { engineOverhead } from "./arithmetic";
import { migWays } from "./engine-gpus";

/** What Linux, nginx and the engine itself take, beside the models. */
export const HOST_RESERVE_BYTES = 512 * 2 ** 20;

/** What a host has for models, all of them together. */
export interface HostRoom {
  readonly bytes: number;
  /** What the room is made of, for people. */
  readonly words: string;
  /** How the host could have more. */
  readonly ways?: readonly string[];
}

/** Undefined where nothing is known about the host. Totals less what others hold; never what is free now. */
export function hostRoom(
  { target, engine }: Pick<StackConfig, "target" | "engine">,
  facts: HostFacts | undefined,
  placement: Placement,
): HostRoom | undefined {
  if (facts && placement.device === "gpu") return gpuRoom(facts, engineOverhead(engine).gpu);
  const memory = target.kind === "sandbox" ? target.memory : facts?.memory;
  return memory === undefined ? undefined : memoryRoom(memory, engine);
}

function gpuRoom({ gpus, memory }: HostFacts, overhead: number): HostRoom {
  const shared = gpus.some((gpu) => gpu.memory === null);
  const held = gpus.reduce((sum, { heldByOthers }) => sum + heldByOthers, 0);
  const total = shared
    ? memory - HOST_RESERVE_BYTES - overhead
    : gpus.reduce((sum, gpu) => sum + (gpu.memory ?? 0) - overhead, 0);
  const names = gpus.map((gpu) => `${gpu.name} with ${atMost(gpu.memory ?? memory)}`).join(", ");
  const others = held > 0 ? `, less ${atLeast(held)} that other programs hold` : "";
  const own = atLeast(overhead * (shared ? 1 : gpus.length));
  return {
    bytes: Math.max(0, total - held),
    words: `${names}${others}, less ${own} for the engine itself`,
    ways: migWays(gpus),
  };
}

function memoryRoom(memory: number, engine: StackConfig["engine"]): HostRoom {
  const overhead = engineOverhead(engine).cpu;
  const host = memory - HOST_RESERVE_BYTES;
  if (engine.memoryMax !== undefined && engine.memoryMax < host) {
    return {
      bytes: Math.max(0, engine.memoryMax - overhead),
      words: `${atMost(engine.memoryMax)} of engine.memoryMax, less ${atLeast(overhead)} for the engine itself`,
    };
  }
  return {
    bytes: Math.max(0, host - overhead),
    words: `${atMost(memory)} of memory, less ${atLeast(overhead + HOST_RESERVE_BYTES)} for the system and the engine itself`,
  };
}
