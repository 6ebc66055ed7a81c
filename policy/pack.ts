import { PolicyPack } from "@pulumi/policy";
import { findingText } from "../plan/rules/report";
import { RULES } from "../plan/rules/all";
import { judged } from "./from-resource";

/** The project's rules, for Pulumi's engine: each resource is judged before it is made or changed. */
new PolicyPack("tms-llm", {
  enforcementLevel: "mandatory",
  policies: RULES.map(({ id, demand, judge }) => ({
    name: id,
    description: demand,
    validateResource(resource, report) {
      for (const finding of judged(resource).flatMap(judge)) report(findingText(finding));
    },
  })),
});
