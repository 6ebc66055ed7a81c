import { DEFAULT_EXISTING } from "./existing";
import type { Facts } from "./facts";
import { judgeDisks, judgeMemory } from "./preflight/capacity";
import { judgeCompute } from "./preflight/compute";
import { judgeFabric } from "./preflight/fabric";
import { decideDriver, driverNotice } from "./preflight/driver";
import { gpuWarnings, judgeGpu, stands } from "./preflight/gpu";
import { judgeAccount, judgeDocker, judgeFirewall, judgePorts, judgeServices, judgeSites } from "./preflight/occupants";
import { judgePythonHeaders } from "./preflight/python";
import { judgeRecordedFacts } from "./preflight/recorded";
import type { Refusal } from "./preflight/refusal";
import type { Requirements } from "./preflight/requirements";
import { judgeIpv6 } from "./preflight/ipv6";
import { judgeServers } from "./preflight/servers";
import { judgeSsh } from "./preflight/ssh";
import { judgeSystem } from "./preflight/system";
import { warn } from "./preflight/warnings";

export { refusalText, type Refusal } from "./preflight/refusal";
export type { Requirements } from "./preflight/requirements";

/** What stands in the way, and what is worth knowing. Pure: the same facts and requirements give the same answer. */
export function judgePreflight(facts: Facts, requirements: Requirements): { refusals: Refusal[]; warnings: Refusal[] } {
  const gpu = judgeGpuSoftware(facts, requirements);
  const recorded = requirements.recorded
    ? judgeRecordedFacts(
        facts,
        requirements.recorded,
        requirements.existing ?? DEFAULT_EXISTING,
        requirements.gpu?.only,
      )
    : { refusals: [], warnings: [] };
  return {
    refusals: [
      ...recorded.refusals,
      ...judgeSystem(facts, requirements),
      ...judgePythonHeaders(facts, requirements),
      ...judgeMemory(facts, requirements),
      ...judgeDisks(facts, requirements),
      ...judgePorts(facts, requirements),
      ...judgeServices(facts, requirements),
      ...judgeAccount(facts, requirements),
      ...judgeSites(facts, requirements),
      ...judgeFirewall(facts, requirements),
      ...judgeSsh(facts, requirements),
      ...judgeIpv6(facts, requirements),
      ...(requirements.docker ? judgeDocker(facts) : []),
      ...gpu.refusals,
      ...(requirements.wayOut ? judgeServers(facts, requirements.wayOut) : []),
      ...judgeCompute(facts, requirements),
    ],
    warnings: [...recorded.warnings, ...warn(facts, requirements), ...gpu.warnings],
  };
}

/** The GPU with its driver as it is, or as the deployment is going to have it. */
function judgeGpuSoftware(
  facts: Facts,
  { gpu = { required: false }, driver }: Requirements,
): { refusals: readonly Refusal[]; warnings: readonly Refusal[] } {
  const known = gpuWarnings(facts, gpu);
  const fabric = judgeFabric(facts);
  const unmended = fabric.refusals.filter(({ mendable }) => !(driver && mendable));
  if (driver) {
    const decision = decideDriver(facts, driver, gpu);
    if (decision.action !== "keep") {
      return {
        refusals: [...(decision.action === "refuse" ? decision.refusals : []), ...unmended],
        warnings: [...driverNotice(facts, driver, decision), ...fabric.warnings],
      };
    }
  }
  const found = [...judgeGpu(facts, gpu), ...unmended];
  const warnings = [...known, ...fabric.warnings];
  return stands(facts, gpu) ? { refusals: found, warnings } : { refusals: [], warnings: [...found, ...warnings] };
}
