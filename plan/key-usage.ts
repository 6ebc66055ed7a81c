import { z } from "zod";
import { daysLeft } from "./config/dates";
import { keyId, NOTICE_DAYS, type KeyReference } from "./keys";

/** What a host tells of its keys, and what it means beside the stack file. Pure; the lines come from `templates/keys/usage.sh`. */

const line = z.union([
  z.strictObject({ live: z.string() }),
  z.strictObject({ since: z.string() }),
  z.strictObject({ key: z.string(), lastUse: z.string() }),
]);

export interface KeyUsage {
  /** Names of the keys that nginx knows. */
  readonly live: readonly string[];
  /** Name → time of the last request that was let in. */
  readonly lastUse: ReadonlyMap<string, Date>;
  /** How far back the log reaches. */
  readonly since?: Date;
}

export function parseKeyUsage(text: string): KeyUsage {
  const lines = text
    .split("\n")
    .filter((candidate) => candidate !== "")
    .map((candidate) => line.parse(JSON.parse(candidate)));
  const since = lines.find((entry) => "since" in entry);
  return {
    live: lines.flatMap((entry) => ("live" in entry ? [entry.live] : [])),
    lastUse: new Map(lines.flatMap((entry) => ("key" in entry ? [[entry.key, new Date(entry.lastUse)]] : []))),
    ...(since === undefined ? {} : { since: new Date(since.since) }),
  };
}

export type KeyState = "live" | "ended" | "not deployed" | "no longer planned" | "planned";

export interface KeyRow {
  readonly client: string;
  readonly slot: string;
  readonly generation: number;
  /** `planned`: the host was not asked. `no longer planned`: it lets the key in until the next `up`. */
  readonly state: KeyState;
  readonly lastUse?: Date;
  /** Last day, UTC. */
  readonly expires?: string;
  /** Whole days until it ends, where that is near or over. */
  readonly daysLeft?: number;
}

/** Every key of the stack file and of the host; `usage` is undefined where the host was not asked. */
export function keyRows(references: readonly KeyReference[], usage: KeyUsage | undefined, now: Date): KeyRow[] {
  const planned = references.map((reference): KeyRow => {
    const { expires } = reference;
    const left = expires === undefined ? undefined : daysLeft(expires, now);
    const known = usage?.live.includes(keyId(reference));
    const state = known === undefined ? "planned" : known ? "live" : "not deployed";
    return {
      ...named(keyId(reference), usage),
      state: state === "live" && left !== undefined && left < 0 ? "ended" : state,
      ...(expires === undefined ? {} : { expires }),
      ...(left === undefined || left > NOTICE_DAYS ? {} : { daysLeft: left }),
    };
  });
  const ids = references.map(keyId);
  const others = (usage?.live ?? []).filter((id) => !ids.includes(id));
  return [...planned, ...others.map((id): KeyRow => ({ ...named(id, usage), state: "no longer planned" }))];
}

function named(id: string, usage: KeyUsage | undefined) {
  const [client = "", slot = "", generation] = id.split("/");
  const lastUse = usage?.lastUse.get(id);
  return { client, slot, generation: Number(generation), ...(lastUse === undefined ? {} : { lastUse }) };
}
