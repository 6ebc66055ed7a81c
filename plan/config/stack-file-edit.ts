import { isDeepStrictEqual } from "node:util";
import { isMap, isScalar, parseDocument, type Document, type YAMLMap } from "yaml";
import { SLOTS, type KeyChange, type Slot } from "../keys";
import { NAMESPACE } from "./faults";
import { parseStackConfig, type StackOrigin } from "./parse";
import type { Client, StackConfig } from "./schema";
import { readStackFile } from "./stack-file";

/** The stack file cannot be edited as wanted, for example since several clients share an anchor. */
export class UneditableStackFile extends Error {}

/**
 * The text of a stack file with one client's key slots changed; comments and the order of keys stay.
 *
 * @throws UneditableStackFile when the new text would say anything else than the old one with this change
 * @throws ConfigurationFaults when the change makes a faulty configuration, e.g. a generation above the highest
 */
export function editClient(text: string, { client, slots }: KeyChange, origin: StackOrigin): string {
  const document = parseDocument(text);
  const before = parseStackConfig(readStackFile(text, origin.file), origin);
  const layout = { lineWidth: 0, indent: /^( +)\S/m.exec(text)?.[1]!.length ?? 2 };
  const unedited = document.toString(layout);
  setSlots(document, clientNode(document, client, before), slots, before.clients[client] ?? {});
  const edited = inOwnLayout(text, unedited, document.toString(layout));
  const after = parseStackConfig(readStackFile(edited, origin.file), origin);
  if (!isDeepStrictEqual(after, withSlots(before, client, slots)))
    throw new UneditableStackFile(`${origin.file} is written in a way in which ${client} cannot be changed alone`);
  return edited;
}

function withSlots(config: StackConfig, name: string, slots: KeyChange["slots"]): StackConfig {
  const { expires, application } = config.clients[name]!;
  const client: Client = { ...slots, ...(expires === undefined ? {} : { expires }), application };
  return { ...config, clients: { ...config.clients, [name]: client } };
}

/** The client's mapping; made where the file leaves the clients, or their namespace, to a default. */
function clientNode(document: Document, client: string, { clients }: StackConfig): YAMLMap {
  const config = document.get("config");
  const bare = isMap(config) && config.has("clients");
  const path = ["config", bare ? "clients" : `${NAMESPACE}:clients`];
  if (!document.hasIn(path)) {
    const written = Object.entries(clients).map(([name, { a }]) => [name, { a: a?.generation }]);
    document.setIn(path, document.createNode(Object.fromEntries(written)));
  }
  const node = document.getIn([...path, client]);
  if (!isMap(node)) throw new UneditableStackFile(`${client} is not written as a mapping of its own`);
  return node;
}

/** Only what changes is touched, so that a comment beside it stays. */
function setSlots(document: Document, node: YAMLMap, slots: KeyChange["slots"], before: Partial<Client>): void {
  for (const slot of SLOTS) {
    const key = slots[slot];
    if (isDeepStrictEqual(key, before[slot])) continue;
    if (key === undefined) node.delete(slot);
    else setKey(document, node, slot, key);
  }
}

function setKey(document: Document, node: YAMLMap, slot: Slot, key: NonNullable<Client[Slot]>): void {
  const value = document.createNode(key.expires === undefined ? key.generation : key, { flow: true });
  const expires = isMap(value) ? value.get("expires", true) : undefined;
  // Unquoted, Pulumi takes a date for a moment, and writes it back as one.
  if (isScalar(expires)) expires.type = "QUOTE_DOUBLE";
  const written = node.get(slot);
  if (isMap(written) && isMap(value)) for (const [name, part] of Object.entries(key)) written.set(name, part);
  else if (node.has(slot)) node.set(slot, isScalar(value) ? value.value : value);
  // Slot a stands before b, and both before what else the client has.
  else
    node.items.splice(slot === "b" && node.has("a") ? 1 + indexOf(node, "a") : 0, 0, document.createPair(slot, value));
}

const indexOf = (node: YAMLMap, name: string) => node.items.findIndex(({ key }) => isScalar(key) && key.value === name);

/**
 * The library writes a document in a layout of its own. Where that has the same lines, the file keeps its own but for
 * those that the edit changed.
 */
function inOwnLayout(text: string, before: string, after: string): string {
  const [own, old, edited] = [text, before, after].map((lines) => lines.split("\n")) as [string[], string[], string[]];
  if (own.length !== old.length) return after;
  const start = firstDifference(old, edited);
  const end = Math.min(
    firstDifference(old.toReversed(), edited.toReversed()),
    old.length - start,
    edited.length - start,
  );
  return [...own.slice(0, start), ...edited.slice(start, edited.length - end), ...own.slice(own.length - end)].join(
    "\n",
  );
}

function firstDifference(left: readonly string[], right: readonly string[]): number {
  const place = left.findIndex((line, index) => line !== right[index]);
  return place === -1 ? left.length : place;
}
