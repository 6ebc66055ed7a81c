import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { exampleValues, StillAnExample } from "../plan/config/example-values";
import { parseStackConfig } from "../plan/config/parse";
import type { StackConfig } from "../plan/config/schema";
import { readStackFile } from "../plan/config/stack-file";
import { readPlanContext, type Purpose } from "../plan/context";
import { makePlan, type Plan } from "../plan/plan";
import type { PlanContext } from "../plan/plan-context";
import { readSshServers } from "../plan/ssh-server";
import { UsageError } from "./failure";
import type { SshAddress } from "../smoke/ssh-dial";

/** The project as the CLI sees it: the same configuration and plan as Pulumi's program, without Pulumi. */

export const PROJECT = resolve(__dirname, "..");

/** Its name in Pulumi.yaml, which stands in the name of each resource. */
export const PULUMI_PROJECT = "tms-llm";

export interface Project {
  readonly stack: string;
  readonly config: StackConfig;
  readonly context: PlanContext;
  readonly plan: Plan;
}

/**
 * Reads and checks a stack file. Throws UsageError for a stack that does not exist, ConfigurationFaults for a faulty one, and
 * StillAnExample for one that is to go to its host with values of the example in it.
 */
export function readConfig(stack: string, purpose: Purpose = "host"): StackConfig {
  const file = `Pulumi.${stack}.yaml`;
  const path = join(PROJECT, file);
  if (!existsSync(path)) {
    const known = readdirSync(PROJECT).flatMap((name) => /^Pulumi\.(.+)\.yaml$/.exec(name)?.[1] ?? []);
    throw new UsageError(
      `there is no stack "${stack}": ${file} does not exist`,
      `the stacks here are ${known.join(", ")}; copy one of their files to ${file}`,
    );
  }
  const config = parseText(stack, readFileSync(path, "utf8"));
  const left = purpose === "host" ? exampleValues(config) : [];
  if (left.length > 0) throw new StillAnExample(stack, left);
  return config;
}

/** What it takes to reach a stack's host; an existing one needs nothing that the toolchain prepares. */
export function readHost(stack: string, config: StackConfig): Parameters<typeof hostAddress>[0] {
  return { config, context: config.target.kind === "sandbox" ? readPlanContext(PROJECT, stack, config) : {} };
}

/** Configuration, context and plan; needs what the toolchain prepares for this purpose. */
export function readProject(stack: string, purpose: Purpose = "host"): Project {
  return planned(stack, readConfig(stack, purpose), purpose);
}

/** The same of another text of the stack file, as of one that was deployed before. Throws ConfigurationFaults for a faulty one. */
export const projectOf = (stack: string, stackFile: string): Project => planned(stack, parseText(stack, stackFile));

function planned(stack: string, config: StackConfig, purpose: Purpose = "host"): Project {
  const context = readPlanContext(PROJECT, stack, config, purpose);
  return { stack, config, context, plan: makePlan(config, context) };
}

function parseText(stack: string, text: string): StackConfig {
  const file = `Pulumi.${stack}.yaml`;
  return parseStackConfig(readStackFile(text, file), { stack, file });
}

/** Where the stack's host is reached. */
export function hostAddress({
  config,
  context,
}: {
  readonly config: StackConfig;
  readonly context: Pick<PlanContext, "sandbox">;
}): SshAddress {
  const { target } = config;
  if (target.kind === "sandbox") {
    const { sandbox } = context;
    if (!sandbox) throw new Error("a sandbox target without sandbox settings");
    return {
      host: "127.0.0.1",
      port: sandbox.sshPort,
      user: "root",
      hostKey: sandbox.hostPublicKey,
      privateKey: readFileSync(sandbox.sshPrivateKeyFile, "utf8"),
    };
  }
  return readSshServers(PROJECT, target);
}
