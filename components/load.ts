import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { artifactIndexSchema } from "../plan/artifacts";
import { parseStackConfig } from "../plan/config/parse";
import type { StackConfig } from "../plan/config/schema";
import { makePlan, type Plan, type PlanContext } from "../plan/plan";
import { sandboxSettingsSchema } from "../plan/sandbox";

/** The project's own state folder, outside of git. */
const STATE = join(__dirname, "..", ".tms-llm");

const DEBIAN_ARCHITECTURE: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

function readState(path: string): unknown {
  const file = join(STATE, path);
  if (!existsSync(file)) {
    throw new pulumi.RunError(
      `${join(".tms-llm", path)} is missing.\n  why: the toolchain has not prepared this stack\n  way out: npm run up, or source <(npm run -s env) before using pulumi directly`,
    );
  }
  return JSON.parse(readFileSync(file, "utf8"));
}

/** The stack file's keys as Pulumi hands them over; secrets are never read here. */
function rawConfig(): Record<string, unknown> {
  const config = new pulumi.Config();
  const prefix = `${pulumi.getProject()}:`;
  const keys = Object.keys(pulumi.runtime.allConfig()).filter((key) => key.startsWith(prefix));
  return Object.fromEntries(
    keys.filter((key) => !pulumi.runtime.isConfigSecret(key)).map((key) => [key.slice(prefix.length), readValue(config, key.slice(prefix.length))]),
  );
}

function readValue(config: pulumi.Config, key: string): unknown {
  try {
    return config.getObject(key);
  } catch {
    return config.get(key);
  }
}

export interface Loaded {
  readonly config: StackConfig;
  readonly context: PlanContext;
  readonly plan: Plan;
}

/** The only reader of Pulumi's configuration. A user's fault ends the program with its message, without a stack trace. */
export function load(): Loaded {
  try {
    const stack = pulumi.getStack();
    const config = parseStackConfig(rawConfig(), { stack, file: `Pulumi.${stack}.yaml` });
    const context: PlanContext = {
      artifacts: artifactIndexSchema.parse(readState("artifacts.json")),
      architecture: DEBIAN_ARCHITECTURE[process.arch] ?? process.arch,
      ...(config.target.kind === "sandbox" ? { sandbox: sandboxSettingsSchema.parse(readState(`${stack}/sandbox.json`)) } : {}),
    };
    return { config, context, plan: makePlan(config, context) };
  } catch (error) {
    if (error instanceof pulumi.RunError) throw error;
    throw new pulumi.RunError(error instanceof Error ? error.message : String(error));
  }
}
