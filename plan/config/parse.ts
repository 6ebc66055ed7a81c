import { consistencyFaults } from "./consistency";
import { ConfigurationFaults, locate, type LocatedFault, type PropertyPath } from "./faults";
import { parseKnown } from "./known";
import { stackSchema, type StackConfig } from "./schema";
import { shapeFaults } from "./shape";

/** Where the configuration comes from, for messages. */
export interface StackOrigin {
  readonly stack: string;
  /** Name of the stack file as the user knows it, e.g. `Pulumi.dev.yaml`. */
  readonly file: string;
}

/**
 * The configuration of a stack, complete with defaults.
 *
 * @param raw keys of the stack file without their `tms-llm:` prefix
 * @throws ConfigurationFaults with every fault at once: the shape of each value, and what values contradict one another
 */
export function parseStackConfig(raw: Record<string, unknown>, { file }: StackOrigin): StackConfig {
  const shape = shapeFaults(stackSchema, raw);
  const inconsistent = consistencyFaults(parseKnown(stackSchema, raw) ?? {}).filter(
    ({ path }) => !shape.some((fault) => related(fault.path, path)),
  );
  const faults = [...shape, ...inconsistent];
  if (faults.length > 0) throw new ConfigurationFaults(file, inFileOrder(faults).map(locate));
  return stackSchema.parse(raw);
}

/** A rule is silent where the value itself is at fault, or holds one: its absence is then no news. */
function related(a: PropertyPath, b: PropertyPath): boolean {
  return a.slice(0, b.length).every((part, index) => part === b[index]);
}

function inFileOrder(faults: readonly LocatedFault[]): LocatedFault[] {
  const sections = Object.keys(stackSchema.shape);
  const rank = ({ path }: LocatedFault) => sections.indexOf(String(path[0])) + 1 || sections.length + 1;
  return [...faults].sort((a, b) => rank(a) - rank(b));
}
