import { isDeepStrictEqual } from "node:util";
import { isMap, parseDocument, type Document } from "yaml";
import { NAMESPACE } from "./faults";
import { parseStackConfig, type StackOrigin } from "./parse";
import { readStackFile } from "./stack-file";

/** Pulumi's own keys beside `config`: with another salt it could not read its state any more. */
const PULUMIS = ["secretsprovider", "encryptedkey", "encryptionsalt"];

/**
 * A former stack file with what does not roll back taken from the present one: Pulumi's own keys, and the clients. A
 * retired API key would come back under an old number, and the one in the clients' hands would go.
 */
export function rolledBack(present: string, former: string, { stack, file }: StackOrigin): string {
  const [now, then] = [present, former].map((text) => parseStackConfig(readStackFile(text, file), { stack, file }));
  const [source, target] = [parseDocument(present), parseDocument(former)] as const;
  const moved = PULUMIS.filter((key) => source.get(key) !== target.get(key));
  const sameClients = isDeepStrictEqual(now!.clients, then!.clients);
  if (moved.length === 0 && sameClients) return former;
  for (const key of moved) {
    if (source.has(key)) target.set(key, source.get(key, true));
    else target.delete(key);
  }
  if (!sameClients) {
    const clients = source.getIn(["config", clientsKey(source)], true) ?? target.createNode({ tms: { a: 1 } });
    target.setIn(["config", clientsKey(target)], clients);
  }
  return target.toString({ lineWidth: 0, indent: /^( +)\S/m.exec(former)?.[1]!.length ?? 2 });
}

/** The key of the clients as this file writes it, with or without its namespace. */
function clientsKey(document: Document): string {
  const config = document.get("config");
  return isMap(config) && config.has("clients") ? "clients" : `${NAMESPACE}:clients`;
}
