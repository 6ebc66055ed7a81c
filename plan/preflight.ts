import { DEFAULT_EXISTING } from "./existing";
import type { Facts } from "./facts";
import { judgeDisks, judgeMemory } from "./preflight/capacity";
import { judgeGpu, stands } from "./preflight/gpu";
import { judgeAccount, judgeDocker, judgeFirewall, judgePorts, judgeServices, judgeSites } from "./preflight/occupants";
import { judgeRecordedFacts } from "./preflight/recorded";
import type { Refusal } from "./preflight/refusal";
import type { Requirements } from "./preflight/requirements";
import { judgeSystem } from "./preflight/system";
import { warn } from "./preflight/warnings";

export { refusalText, type Refusal } from "./preflight/refusal";
export type { Requirements } from "./preflight/requirements";

/** What stands in the way, and what is worth knowing. Pure: the same facts and requirements give the same answer. */
export function judgePreflight(facts: Facts, requirements: Requirements): { refusals: Refusal[]; warnings: Refusal[] } {
  const gpuRequirement = requirements.gpu ?? { required: false };
  const gpu = judgeGpu(facts, gpuRequirement);
  const gpuStands = stands(facts, gpuRequirement);
  const recorded = requirements.recorded
    ? judgeRecordedFacts(facts, requirements.recorded, requirements.existing ?? DEFAULT_EXISTING)
    : { refusals: [], warnings: [] };
  return {
    refusals: [
      ...recorded.refusals,
      ...judgeSystem(facts, requirements),
      ...judgeMemory(facts, requirements),
      ...judgeDisks(facts, requirements),
      ...judgePorts(facts, requirements),
      ...judgeServices(facts, requirements),
      ...judgeAccount(facts, requirements),
      ...judgeSites(facts, requirements),
      ...judgeFirewall(facts, requirements),
      ...(requirements.docker ? judgeDocker(facts) : []),
      ...(gpuStands ? gpu : []),
    ],
    warnings: [...recorded.warnings, ...warn(facts, requirements), ...(gpuStands ? [] : gpu)],
  };
}
