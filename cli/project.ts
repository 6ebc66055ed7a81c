import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseStackConfig } from "../plan/config/parse";
import type { StackConfig } from "../plan/config/schema";
import { readStackFile } from "../plan/config/stack-file";
import { readPlanContext } from "../plan/context";
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

/** Reads and checks a stack file. Throws UsageError for a stack that does not exist, ConfigurationFaults for a faulty one. */
export function readConfig(stack: string): StackConfig {
  const file = `Pulumi.${stack}.yaml`;
  const path = join(PROJECT, file);
  if (!existsSync(path)) {
    const known = readdirSync(PROJECT).flatMap((name) => /^Pulumi\.(.+)\.yaml$/.exec(name)?.[1] ?? []);
    throw new UsageError(
      `there is no stack "${stack}": ${file} does not exist`,
      `the stacks here are ${known.join(", ")}; copy one of their files to ${file}`,
    );
  }
  return parseText(stack, readFileSync(path, "utf8"));
}

/** What it takes to reach a stack's host; an existing one needs nothing that the toolchain prepares. */
export function readHost(stack: string, config: StackConfig): Parameters<typeof hostAddress>[0] {
  return { config, context: config.target.kind === "sandbox" ? readPlanContext(PROJECT, stack, config) : {} };
}

/** Configuration, context and plan; needs what the toolchain prepares. */
export function readProject(stack: string): Project {
  return planned(stack, readConfig(stack));
}

/** The same of another text of the stack file, as of one that was deployed before. Throws ConfigurationFaults for a faulty one. */
export const projectOf = (stack: string, stackFile: string): Project => planned(stack, parseText(stack, stackFile));

function planned(stack: string, config: StackConfig): Project {
  const context = readPlanContext(PROJECT, stack, config);
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
