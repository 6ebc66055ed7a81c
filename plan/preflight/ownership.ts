import type { Facts, GpuProcess, NginxSite } from "../facts";
import { ENGINE_UNIT } from "../step";

/** Whether an earlier deployment of ours made the thing, by its ledger. */
export function owns({ ours }: Facts, kinds: readonly string[], id: string): boolean {
  return ours?.ledger.some((line) => kinds.includes(line.kind) && line.id === id) ?? false;
}

/** A site that no earlier deployment of ours made. */
export function isForeignSite(facts: Facts, site: NginxSite): boolean {
  return ![site.path, site.target].some((path) => owns(facts, ["file", "link"], path));
}

const isEngineUnit = (unit: string | null) => Object.values<string | null>(ENGINE_UNIT).includes(unit);

/** A process of our engine, whichever it is: its memory is there for our own next run. */
export const isOurProcess = ({ unit }: GpuProcess): boolean => isEngineUnit(unit);

/** Whether our engine, whichever it is, runs on the host and holds memory that its next run will have. */
export const ourEngineRuns = (facts: Facts): boolean =>
  facts.services.some(({ name, active }) => active && isEngineUnit(name) && owns(facts, ["unit"], name));
