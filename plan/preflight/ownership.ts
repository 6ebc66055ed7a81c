import type { Facts, GpuProcess, NginxSite } from "../facts";
import { ENGINE_UNIT as UNITS } from "../step";

/** Whether an earlier deployment of ours made the thing, by its ledger. */
export function owns({ ours }: Facts, kinds: readonly string[], id: string): boolean {
  return ours?.ledger.some((line) => kinds.includes(line.kind) && line.id === id) ?? false;
}

/** A site that no earlier deployment of ours made. */
export function isForeignSite(facts: Facts, site: NginxSite): boolean {
  return ![site.path, site.target].some((path) => owns(facts, ["file", "link"], path));
}

/** The unit that our engine runs as. */
export const ENGINE_UNIT = "tms-ollama.service";

/** A process of our engine, whichever it is: its memory is there for our own next run. */
export const isOurProcess = ({ unit }: GpuProcess): boolean => Object.values<string | null>(UNITS).includes(unit);
