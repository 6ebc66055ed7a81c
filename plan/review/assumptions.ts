import { PYTHON_ENGINES } from "../catalog/python-engines";
import type { Engine, StackConfig } from "../config/schema";
import { formatTokens } from "../config/units";
import { engineLock } from "../engines/python-lock";
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
    `  - ${system(engine, architecture)}`,
    ...(access.firewall === "auto" ? ["  - the firewall of the host's family: ufw, or firewalld on RHEL's"] : []),
    `  - memory for ${loaded.join(", ")}${engine.kind === "ollama" ? "" : ", on a GPU whose driver works"}`,
    `npm run facts -- ${stack} measures it; up does so before it changes anything.`,
    "",
  ];
}

/** An engine in Python is planned by its first lock file, whatever this machine is. */
function system(engine: Engine, architecture: string): string {
  const lock = engine.kind === "ollama" ? undefined : engineLock(engine, undefined);
  if (engine.kind === "ollama" || lock === undefined) return `${architecture}, as this machine is`;
  const { product } = PYTHON_ENGINES[engine.kind];
  return `${lock.architecture} with glibc ${lock.minimumGlibc} or newer, which decides what packages ${product} takes`;
}
