import type { StackConfig, Target } from "../config/schema";
import { KEY_SHAPE } from "../keys";
import type { Plan } from "../plan";
import type { PlanContext } from "../plan-context";
import { publishedPorts } from "../sandbox";
import { stepResource } from "../step";
import type { JudgedResource } from "./resource";

/** Letters and digits. */
const KEY_ALPHABET = 62;

/** What the components will make of a plan, as far as the rules look at it; known before Pulumi runs. */
export function plannedResources(
  { target, gateway }: StackConfig,
  { sandbox }: PlanContext,
  { steps, keys }: Pick<Plan, "steps" | "keys">,
): JudgedResource[] {
  return [
    ...(sandbox
      ? [
          {
            kind: "container" as const,
            name: "sandbox-host",
            image: sandbox.image,
            ports: publishedPorts(sandbox, gateway.port),
          },
        ]
      : []),
    ...connections(target, sandbox),
    ...keys.map(({ name }) => ({
      kind: "key" as const,
      name: name.replaceAll("/", "-"),
      length: KEY_SHAPE.length,
      alphabet: KEY_ALPHABET,
    })),
    ...steps.map((step) => ({ kind: "step" as const, name: step.name, ...stepParts(step) })),
  ];
}

function connections(target: Target, sandbox: PlanContext["sandbox"]): JudgedResource[] {
  if (sandbox) return [{ kind: "connection", name: "host", host: "127.0.0.1", hostKey: sandbox.hostPublicKey }];
  if (target.kind !== "ssh") return [];
  return [target, ...(target.bastion ? [target.bastion] : [])].map(({ host, hostKey }) => ({
    kind: "connection",
    name: "host",
    host,
    hostKey,
  }));
}

function stepParts(step: Parameters<typeof stepResource>[0]) {
  const { inputs, files, artifacts, terms } = stepResource(step);
  return { inputs, files, artifacts, terms };
}
