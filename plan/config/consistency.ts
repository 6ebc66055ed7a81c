import { addressFaults } from "./consistency-address";
import { applicationFaults } from "./consistency-application";
import { engineFaults } from "./consistency-engine";
import { gpuFaults } from "./consistency-gpu";
import { clientFaults, modelFaults } from "./consistency-models";
import { accessFaults, portFaults, tlsFaults } from "./consistency-network";
import type { LocatedFault } from "./faults";
import type { KnownConfig } from "./known";
import { formatDuration } from "./units";

/** Everything that several keys together get wrong, though each is well-formed. */
export function consistencyFaults(config: KnownConfig): LocatedFault[] {
  return [
    ...engineFaults(config),
    ...gpuFaults(config),
    ...modelFaults(config),
    ...portFaults(config),
    ...tlsFaults(config),
    ...clientFaults(config),
    ...applicationFaults(config),
    ...accessFaults(config),
    ...addressFaults(config),
    ...objectiveFaults(config),
  ];
}

function objectiveFaults({ objectives }: KnownConfig): LocatedFault[] {
  const { ttft, total } = objectives ?? {};
  if (ttft === undefined || total === undefined || ttft <= total) return [];
  return [
    {
      path: ["objectives", "ttft"],
      found: formatDuration(ttft),
      expected: `at most objectives.total, ${formatDuration(total)}`,
      hint: "The first token is part of the whole answer.",
    },
  ];
}
