import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { exampleValues, StillAnExample } from "../plan/config/example-values";
import { parseStackConfig } from "../plan/config/parse";
import type { StackConfig } from "../plan/config/schema";
import { isStackSecret, secretFault, STACK_SECRETS } from "../plan/config/stack-secrets";
import { readDeliveries, readGiven, readPlanContext, readRestoredCa } from "../plan/context";
import { GIVEN_KEY, RESTORED_CA } from "../plan/gateway";
import type { Deliveries } from "../plan/deliveries";
import { makePlan, type Plan } from "../plan/plan";
import type { PlanContext } from "../plan/plan-context";

export interface Loaded {
  readonly config: StackConfig;
  readonly context: PlanContext;
  readonly plan: Plan;
  /** Secrets that lie in files of this machine or encrypted in the stack file, by their name in the plan. */
  readonly given: Readonly<Record<string, pulumi.Output<string>>>;
  /** What is sent to the host from this machine. */
  readonly deliveries: Deliveries;
}

const PROJECT = join(__dirname, "..");

function givenSecrets(stack: string, { gateway }: StackConfig): Loaded["given"] {
  if (gateway.tls.mode === "files")
    return { ...stackSecrets(), [GIVEN_KEY.name]: pulumi.secret(readGiven(PROJECT, gateway.tls.privateKey)) };
  const restored = readRestoredCa(PROJECT, stack);
  return { ...stackSecrets(), ...(restored === undefined ? {} : { [RESTORED_CA]: pulumi.secret(restored) }) };
}

/** What stands in the stack file encrypted. */
function stackSecrets(): Loaded["given"] {
  const all = pulumi.runtime.allConfig();
  const keys = Object.keys(STACK_SECRETS).filter(isStackSecret);
  return Object.fromEntries(
    keys.flatMap((key) => {
      const value = all[`${pulumi.getProject()}:${key}`];
      if (value === undefined) return [];
      const fault = secretFault(key, value);
      if (fault !== undefined) throw new pulumi.RunError(fault);
      return [[STACK_SECRETS[key].name, pulumi.secret(value)]];
    }),
  );
}

/** The stack file's keys as Pulumi hands them over, without secrets. */
function rawConfig(): Record<string, unknown> {
  const config = new pulumi.Config();
  const prefix = `${pulumi.getProject()}:`;
  const names = Object.keys(pulumi.runtime.allConfig())
    .filter((key) => key.startsWith(prefix))
    .map((key) => key.slice(prefix.length))
    .filter((name) => !isStackSecret(name));
  return Object.fromEntries(names.map((name) => [name, readValue(config, name)]));
}

function readValue(config: pulumi.Config, name: string): unknown {
  try {
    return config.getObject(name);
  } catch {
    // A plain string is not JSON; the schema says what should have been there.
    return config.get(name);
  }
}

/** The only reader of Pulumi's configuration. A user's fault ends the program with its message, without a stack trace. */
export function load(): Loaded {
  try {
    const stack = pulumi.getStack();
    const config = parseStackConfig(rawConfig(), { stack, file: `Pulumi.${stack}.yaml` });
    const purpose = pulumi.runtime.isDryRun() ? "view" : "host";
    const left = purpose === "host" ? exampleValues(config) : [];
    if (left.length > 0) throw new StillAnExample(stack, left);
    const context = readPlanContext(PROJECT, stack, config, purpose);
    const given = givenSecrets(stack, config);
    return { config, context, plan: makePlan(config, context), given, deliveries: readDeliveries(PROJECT, stack) };
  } catch (error) {
    throw new pulumi.RunError(error instanceof Error ? error.message : String(error));
  }
}
