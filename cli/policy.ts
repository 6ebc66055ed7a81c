import { plannedResources } from "../plan/rules/from-plan";
import { PolicyViolations } from "../plan/rules/report";
import { violations } from "../plan/rules/all";
import type { Project } from "./project";

/**
 * Options for a Pulumi command that the engine holds to the same rules: it sees what the components really make, where
 * {@link enforcePolicies} sees what they are told to.
 */
export const POLICY_PACK = ["--policy-pack", "policy"] as const;

/**
 * Judges the plan before Pulumi is asked: the engine would find a violation when other resources are being made already.
 * @throws PolicyViolations with all of them
 */
export function enforcePolicies({ stack, config, context, plan }: Project): void {
  const broken = violations(plannedResources(config, context, plan));
  if (broken.length > 0) throw new PolicyViolations(stack, broken);
}
