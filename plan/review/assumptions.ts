import type { StackConfig } from "../config/schema";
import { formatTokens } from "../config/units";
import { factsFile } from "../host-facts";
import type { PlanContext } from "../plan-context";

/** What a plan takes for granted of a host that nobody has measured, as lines for a terminal; none where it is known. */
export function assumptions(
  { access, engine, models, target }: StackConfig,
  { architecture, facts, stack }: Pick<PlanContext, "architecture" | "facts" | "stack">,
): string[] {
  if (target.kind === "sandbox" || facts !== undefined) return [];
  const loaded = models.map(({ name, context }) => `${name} with a context of ${formatTokens(Number(context))}`);
  return [
    `${factsFile(stack)} is not there, so nobody has measured the host. The plan takes for granted:`,
    `  - ${architecture}, as this machine is`,
    ...(access.firewall === "auto" ? ["  - the firewall of the host's family: ufw, or firewalld on RHEL's"] : []),
    `  - memory for ${loaded.join(", ")}${engine.kind === "ollama" ? "" : ", on a GPU whose driver works"}`,
    `npm run facts -- ${stack} measures it; up does so before it changes anything.`,
    "",
  ];
}
