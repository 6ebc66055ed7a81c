import { nearestName } from "../plan/config/faults";
import type { Check } from "./check";
import { GATE } from "./sets";

/**
 * What is wrong with the names of the checks to leave out, all at once; undefined when nothing is. An exclusion that does
 * nothing is a mistake.
 */
export function exclusionFault(exclude: readonly string[], checks: readonly Check[] = GATE): string | undefined {
  const ids = checks.map(({ id }) => id);
  const unknown = exclude.filter((name) => !ids.includes(name));
  if (unknown.length === 0) return undefined;
  const named = unknown.map((name) => {
    const nearest = nearestName(name, ids);
    return nearest === undefined ? `"${name}"` : `"${name}" (did you mean "${nearest}"?)`;
  });
  return `no such check: ${named.join(", ")}; the checks are ${ids.join(", ")}`;
}
