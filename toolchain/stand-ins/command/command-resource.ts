import { randomBytes } from "node:crypto";
import type { Fields } from "../protocol/inputs";
import type { CallContext, ResourceType } from "../protocol/provider";
import { reveal, UNKNOWN, type Properties } from "../protocol/values";
import type { CommandOutput } from "./output";

/** Inputs that `local.Command` and `remote.Command` share. */
export const COMMAND_FIELDS: Fields = {
  addPreviousOutputInEnv: { kind: "boolean" },
  create: { kind: "string" },
  delete: { kind: "string" },
  environment: { kind: "stringMap" },
  logging: { kind: "string" },
  stdin: { kind: "string" },
  triggers: { kind: "list" },
  update: { kind: "string" },
};

/** A command's inputs without their secret wrappers. */
export interface CommandInputs extends Properties {
  readonly addPreviousOutputInEnv?: boolean;
  readonly create?: string;
  readonly delete?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly logging?: string;
  readonly stdin?: string;
  readonly update?: string;
}

/** Runs one command line to its end; `environment` is what the run before left, for the command to read. */
export type Runner = (
  command: string,
  inputs: CommandInputs,
  environment: Readonly<Record<string, string>>,
  context: CallContext,
) => Promise<CommandOutput>;

/**
 * The life of a Command, the same on this machine and on a remote one: `create` runs on creation and again on every
 * update that has no `update` of its own, `delete` on removal. Outputs are the inputs plus both streams, which stay
 * in clear even where stdin is secret, as with the official plugin.
 */
export function commandResource(
  run: Runner,
): Pick<ResourceType, "replacedBy" | "plan" | "create" | "update" | "delete"> {
  const runAndKeep = async (
    command: string | undefined,
    inputs: Properties,
    before: CommandOutput,
    context: CallContext,
  ): Promise<Properties> => {
    if (command === undefined) return { ...inputs, ...before };
    const bare = reveal(inputs) as CommandInputs;
    const { stdout, stderr } = await run(command, bare, previousOutput(bare, before), context);
    return { ...inputs, stdout, stderr };
  };
  return {
    replacedBy: ["triggers"],
    plan: (inputs) => ({ ...inputs, stdout: UNKNOWN, stderr: UNKNOWN }),
    async create(inputs, context) {
      const { create } = reveal(inputs) as CommandInputs;
      const outputs = await runAndKeep(create, inputs, NO_OUTPUT, context);
      return { id: `${context.name}${randomBytes(4).toString("hex")}`, outputs };
    },
    update(inputs, before, context) {
      const { create, update } = reveal(inputs) as CommandInputs;
      return runAndKeep(update ?? create, inputs, outputOf(before), context);
    },
    async delete(_id, state, context) {
      const command = (reveal(state) as CommandInputs).delete;
      if (command !== undefined) await runAndKeep(command, state, outputOf(state), context);
    },
  };
}

const NO_OUTPUT: CommandOutput = { stdout: "", stderr: "" };

function outputOf(state: Properties): CommandOutput {
  const { stdout = "", stderr = "" } = reveal(state) as Partial<CommandOutput>;
  return { stdout, stderr };
}

function previousOutput(inputs: CommandInputs, before: CommandOutput): Record<string, string> {
  if (inputs.addPreviousOutputInEnv === false) return {};
  return {
    ...(before.stdout !== "" && { PULUMI_COMMAND_STDOUT: before.stdout }),
    ...(before.stderr !== "" && { PULUMI_COMMAND_STDERR: before.stderr }),
  };
}
