import { daysLeft, endOfDay } from "./config/dates";
import { either, nearestName } from "./config/faults";
import type { Client } from "./config/schema";
import type { SecretReference } from "./step";

/** Clients and their two key slots: which keys there are, and how the slots change hands. Pure; the day is an argument. */

/** How a key is made: letters and digits, so that no header and no shell needs quotes for it. 43 of them carry 256 bits. */
export const KEY_SHAPE = { length: 43, special: false } as const;

export const SLOTS = ["a", "b"] as const;
export type Slot = (typeof SLOTS)[number];
/** Of a client what is about its keys. */
type Holder = Pick<Client, Slot | "expires">;
export type Clients = Readonly<Record<string, Holder>>;

/** A key by the name of its secret, `client/<client>/<slot>`. */
export interface KeyReference extends SecretReference {
  /** Its last day, UTC; none: it does not end by itself. */
  readonly expires?: string;
}

/** Every key of the stack file, by name: Pulumi hands over a mapping in another order than the file has. */
export function keyReferences(clients: Clients): KeyReference[] {
  const byName = Object.entries(clients).sort(([left], [right]) => (left < right ? -1 : 1));
  return byName.flatMap(([name, client]) =>
    SLOTS.flatMap((slot) => {
      const key = client[slot];
      if (key === undefined) return [];
      const expires = earlier(key.expires, client.expires);
      return [
        { name: `client/${name}/${slot}`, generation: key.generation, ...(expires === undefined ? {} : { expires }) },
      ];
    }),
  );
}

const earlier = (...dates: (string | undefined)[]) => dates.filter((date) => date !== undefined).sort()[0];

/** What a key is called on the host and in its logs: `<client>/<slot>/<generation>`. Not a secret. */
export const keyId = ({ name, generation }: SecretReference) => `${name.replace(/^client\//, "")}/${generation}`;

/** Of a client's slots the one with the highest generation: the one to hand out. */
export function newestSlot(client: Holder): Slot {
  const { a, b } = client;
  return a === undefined || (b !== undefined && b.generation >= a.generation) ? "b" : "a";
}

/** The key that a client is handed out. */
export const newestKey = (name: string, client: Holder): KeyReference =>
  keyReferences({ [name]: client }).find((key) => key.name.endsWith(`/${newestSlot(client)}`))!;

/** Days before its end at which a key is spoken of. */
export const NOTICE_DAYS = 14;

export interface ExpiryNotice {
  readonly key: string;
  /** Last day, UTC. */
  readonly expires: string;
  /** Whole days until it ends; below 0: it has ended. */
  readonly daysLeft: number;
}

/** The keys that end within {@link NOTICE_DAYS}, and those that have ended. */
export function expiryNotices(references: readonly KeyReference[], now: Date): ExpiryNotice[] {
  return references.flatMap((reference) => {
    const { expires } = reference;
    if (expires === undefined) return [];
    const left = daysLeft(expires, now);
    return left > NOTICE_DAYS ? [] : [{ key: keyId(reference), expires, daysLeft: left }];
  });
}

/** The line to type for an action on a stack's keys; it names the stack, so that a copied one changes no other. */
export const keysLine = (stack: string, ...words: readonly string[]) =>
  `npm run keys -- ${words.join(" ")} --stack ${stack}`;

export type KeyCommand =
  /** `expires`: last day of the new key. */
  | { readonly verb: "rotate"; readonly client: string; readonly expires?: string }
  | { readonly verb: "finish"; readonly client: string }
  /** Without a slot every key that the client holds. */
  | { readonly verb: "revoke"; readonly client: string; readonly slot?: Slot };

/** What becomes of one client. */
export interface KeyChange {
  readonly client: string;
  readonly slots: Pick<Client, Slot>;
  /** Names of the keys that come and go. */
  readonly made: readonly string[];
  readonly retired: readonly string[];
}

export interface KeyRefusal {
  readonly refused: string;
  readonly wayOut: string;
}

/**
 * A command on the clients of a stack file. The highest generation of a client never falls: a key that was given up
 * cannot come back under its old number.
 */
export function changeKeys(stack: string, clients: Clients, command: KeyCommand, now: Date): KeyChange | KeyRefusal {
  const { client: name } = command;
  const client = clients[name];
  if (client === undefined) return unknownClient(name, Object.keys(clients));
  const newest = newestSlot(client);
  const other = newest === "a" ? "b" : "a";
  const next = client[newest]!.generation + 1;
  switch (command.verb) {
    case "rotate": {
      const { expires } = command;
      if (client[other] !== undefined) return bothFilled(stack, name, client, newest);
      const last = earlier(expires, client.expires);
      if (last !== undefined && endOfDay(last) * 1000 <= now.getTime()) return alreadyOver(name, last);
      const made = { generation: next, ...(expires === undefined ? {} : { expires }) };
      return change(name, client, { [newest]: client[newest], [other]: made });
    }
    case "finish":
      if (client[other] === undefined) return nothingToFinish(stack, name, newest);
      return change(name, client, { [newest]: client[newest] });
    case "revoke": {
      const { slot } = command;
      if (slot !== undefined && client[slot] === undefined)
        return emptySlot(stack, name, slot, other === slot ? newest : other);
      // The client goes on with a key that nobody else has seen; without one its entry could not stay.
      const fresh = { [newest]: { ...client[newest], generation: next } };
      if (slot === undefined) return change(name, client, fresh);
      return change(name, client, slot === newest ? { ...pick(client), ...fresh } : { [newest]: client[newest] });
    }
    default:
      return command satisfies never;
  }
}

const pick = ({ a, b }: Holder): Pick<Client, Slot> => ({ ...(a && { a }), ...(b && { b }) });

function change(client: string, before: Holder, after: Partial<Record<Slot, Client[Slot]>>): KeyChange {
  const slots = pick(after);
  const ids = (slotted: Pick<Client, Slot>) =>
    SLOTS.flatMap((slot) => (slotted[slot] ? [`${client}/${slot}/${slotted[slot].generation}`] : []));
  const [old, fresh] = [ids(pick(before)), ids(slots)];
  return {
    client,
    slots,
    made: fresh.filter((id) => !old.includes(id)),
    retired: old.filter((id) => !fresh.includes(id)),
  };
}

function unknownClient(name: string, known: readonly string[]): KeyRefusal {
  const near = nearestName(name, known);
  return {
    refused: `there is no client "${name}"`,
    wayOut: near === undefined ? `the clients are ${either(known)}` : `did you mean "${near}"?`,
  };
}

function bothFilled(stack: string, name: string, client: Holder, newest: Slot): KeyRefusal {
  const [old, fresh] = [client[newest === "a" ? "b" : "a"]!, client[newest]!];
  return {
    refused: `both slots of ${name} are filled: generation ${old.generation} is on its way out, ${fresh.generation} (slot ${newest}) on its way in`,
    wayOut: `move the client to its newest key, then ${keysLine(stack, "finish", name)}; or give one up with ${keysLine(stack, "revoke", name, "--slot a|b")}`,
  };
}

function alreadyOver(name: string, last: string): KeyRefusal {
  return {
    refused: `a new key of ${name} would be refused from the start: its last day, ${last}, is over`,
    wayOut: `correct clients.${name}.expires in the stack file, or give a later --expires`,
  };
}

function nothingToFinish(stack: string, name: string, newest: Slot): KeyRefusal {
  return {
    refused: `${name} has one key, in slot ${newest}: there is no rotation to finish`,
    wayOut: `${keysLine(stack, "rotate", name)} begins one`,
  };
}

function emptySlot(stack: string, name: string, slot: Slot, filled: Slot): KeyRefusal {
  return {
    refused: `slot ${slot} of ${name} is empty`,
    wayOut: `its key is in slot ${filled}; ${keysLine(stack, "list")} shows all`,
  };
}
