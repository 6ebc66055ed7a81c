import Table from "cli-table3";
import { day } from "../plan/config/dates";
import { editClient, UneditableStackFile } from "../plan/config/stack-file-edit";
import { keyRows, type KeyRow, type KeyUsage } from "../plan/key-usage";
import { changeKeys, keyReferences, keysLine, SLOTS, type KeyChange, type KeyCommand, type Slot } from "../plan/keys";
import { deploy, firstStage } from "./deploy";
import { CommandFailure, Declined, EXIT, UsageError, type ExitCode } from "./failure";
import { keyUsage, refuseKeys } from "./keys-host";
import { readConfig } from "./project";
import { alone } from "./run-lock";
import { SshError } from "./ssh";
import { stackFileText, writeStackFile } from "./stack-file";
import { stoppable, type Stage } from "./stop-request";

export interface KeysOptions {
  readonly stack: string;
  readonly slot?: string;
  readonly expires?: string;
  readonly json?: boolean;
  readonly yes?: boolean;
  /** Finish although somebody uses the old key. */
  readonly inUse?: boolean;
  /** False with `--no-deploy`. */
  readonly deploy: boolean;
}

const ACTIONS = ["list", "rotate", "finish", "revoke"] as const;

/** Shows the clients' keys, or changes them: in the stack file first, then on the host. */
export async function keys(action: string, client: string | undefined, options: KeysOptions): Promise<ExitCode> {
  if (action === "list" && client === undefined) return list(options);
  const command = readCommand(action, client, options);
  const { stack } = options;
  const { target } = readConfig(stack);
  if (options.deploy && target.kind === "ssh" && !options.yes && !process.stdin.isTTY)
    throw new UsageError(
      `${stack} is an existing host, and nobody is here to confirm the changes`,
      `add --yes; or --no-deploy, which changes the stack file alone`,
    );
  const stage = firstStage(stack);
  return stoppable(stage, () => alone(stack, `keys ${command.verb}`, () => carryOut(command, options, stage)));
}

async function carryOut(command: KeyCommand, options: KeysOptions, stage: Stage): Promise<ExitCode> {
  const { stack } = options;
  const now = new Date();
  const change = changeKeys(stack, readConfig(stack).clients, command, now);
  if ("refused" in change) throw new UsageError(change.refused, change.wayOut);
  if (command.verb === "finish" && options.deploy && !options.inUse) await admitFinish(stack, change, now);
  const former = stackFileText(stack);
  writeStackFile(stack, edited(stack, former, change));
  tell(change);
  if (!options.deploy) {
    console.log(`Nothing was changed on the host; npm run up -- ${stack} does that.`);
    return EXIT.good;
  }
  if (command.verb === "revoke") await refuse(stack, change);
  try {
    const code = await deploy(stack, stage, options);
    if (code === EXIT.good) console.log(afterwards(command, change, options));
    return code;
  } catch (error) {
    throw error instanceof Declined ? declined(command, change, stack, former) : error;
  }
}

/** Nothing was deployed, so the stack file says what it said before; a key that was revoked stays so. */
function declined(command: KeyCommand, { retired }: KeyChange, stack: string, former: string): Declined {
  const file = `Pulumi.${stack}.yaml`;
  if (command.verb === "revoke")
    return new Declined(
      `The host refuses ${retired.join(" and ")}, and ${file} has the change. Nothing else was changed: the question was not answered with yes.`,
      `npm run up -- ${stack} asks again`,
    );
  writeStackFile(stack, former);
  const expires = command.verb === "rotate" && command.expires !== undefined ? ["--expires", command.expires] : [];
  return new Declined(
    `Nothing was changed on the host, and ${file} is as before: the question was not answered with yes.`,
    `${keysLine(stack, command.verb, command.client, ...expires)} asks again`,
  );
}

function readCommand(
  action: string,
  client: string | undefined,
  { stack, slot, expires, inUse }: KeysOptions,
): KeyCommand {
  const verb = ACTIONS.find((name) => name === action);
  if (verb === undefined)
    throw new UsageError(`keys ${action} is no action; allowed are ${ACTIONS.join(", ")}`, keysLine(stack, "list"));
  if (verb === "list")
    throw new UsageError(
      "keys list shows all clients and takes no name",
      `all of them: ${keysLine(stack, "list")}; of another stack: ${keysLine(client!, "list")}`,
    );
  if (client === undefined) throw new UsageError(`keys ${verb} needs a client`, keysLine(stack, verb, "<client>"));
  if (slot !== undefined && verb !== "revoke")
    throw new UsageError(`--slot goes with revoke; ${verb} finds the slot by itself`, keysLine(stack, verb, client));
  if (expires !== undefined && verb !== "rotate")
    throw new UsageError(
      "--expires goes with rotate: it is the last day of the new key",
      keysLine(stack, verb, client),
    );
  if (inUse && verb !== "finish")
    throw new UsageError(
      "--in-use goes with finish: it retires a key that is still used",
      keysLine(stack, verb, client),
    );
  if (verb === "revoke") return { verb, client, ...(slot === undefined ? {} : { slot: readSlot(stack, slot) }) };
  if (verb === "rotate") return { verb, client, ...(expires === undefined ? {} : { expires: readDay(expires) }) };
  return { verb, client };
}

function readSlot(stack: string, written: string): Slot {
  const slot = SLOTS.find((name) => name === written);
  if (slot === undefined) throw new UsageError(`--slot is ${written}; allowed are a and b`, keysLine(stack, "list"));
  return slot;
}

function readDay(written: string): string {
  const parsed = day().safeParse(written);
  if (!parsed.success)
    throw new UsageError(
      `--expires is ${written}; allowed is a day on the calendar`,
      "for example --expires 2026-12-31",
    );
  return parsed.data;
}

function edited(stack: string, text: string, change: KeyChange): string {
  try {
    return editClient(text, change, { stack, file: `Pulumi.${stack}.yaml` });
  } catch (error) {
    if (!(error instanceof UneditableStackFile)) throw error;
    const slots = SLOTS.flatMap((slot) => (change.slots[slot] ? [`${slot}: ${change.slots[slot].generation}`] : []));
    throw new UsageError(
      error.message,
      `write it by hand: ${change.client}: { ${slots.join(", ")} }; then npm run up -- ${stack}`,
    );
  }
}

function tell({ made, retired }: KeyChange): void {
  for (const name of made) console.log(`new      ${name}`);
  for (const name of retired) console.log(`retired  ${name}`);
}

const HOUR_MILLISECONDS = 3_600_000;

/** Whoever still uses the old key would be shut out; that is said before it happens. */
async function admitFinish(stack: string, { client, retired }: KeyChange, now: Date): Promise<void> {
  const usage = await keyUsage(stack, readConfig(stack));
  for (const name of retired) {
    const last = usage.lastUse.get(name);
    if (last === undefined || now.getTime() - last.getTime() > HOUR_MILLISECONDS) continue;
    throw new UsageError(
      `${name} was used at ${last.toISOString()}, less than an hour ago: somebody has not moved to the new key`,
      `move them over; or ${keysLine(stack, "finish", client, "--in-use")}, which shuts them out`,
    );
  }
}

async function refuse(stack: string, { retired }: KeyChange): Promise<void> {
  try {
    await refuseKeys(stack, readConfig(stack), retired);
    console.log(`The host refuses ${retired.join(" and ")} from now on.`);
  } catch (error) {
    if (!(error instanceof SshError || error instanceof CommandFailure)) throw error;
    throw new CommandFailure(
      `the host still lets ${retired.join(" and ")} in: ${error.message}`,
      `the stack file has the change already; as soon as the host can be reached, npm run up -- ${stack}`,
      EXIT.internal,
    );
  }
}

function afterwards({ verb, client }: KeyCommand, { made, retired }: KeyChange, { stack }: KeysOptions): string {
  const file = `.tms-llm/${stack}/${client}.key`;
  switch (verb) {
    case "rotate":
      return `Both keys of ${client} work. Hand out the new one, ${made.join()}: ${file}. Then ${keysLine(stack, "finish", client)}.`;
    case "finish":
      return `${retired.join()} is refused; ${file} has the key that is left.`;
    case "revoke":
      return made.length > 0
        ? `${retired.join(" and ")}: refused. Hand out the new key, ${made.join()}: ${file}.`
        : `${retired.join(" and ")}: refused. ${file} has the key that is left.`;
    default:
      return verb satisfies never;
  }
}

async function list({ stack, json }: KeysOptions): Promise<ExitCode> {
  const config = readConfig(stack);
  const usage = await askHost(stack);
  const rows = keyRows(keyReferences(config.clients), usage, new Date());
  if (json) console.log(JSON.stringify({ schema: "tms-llm/keys/v1", stack, since: usage?.since, keys: rows }, null, 2));
  else console.log(renderRows(rows, usage));
  return EXIT.good;
}

/** The stack file alone is worth showing too. */
async function askHost(stack: string): Promise<KeyUsage | undefined> {
  try {
    return await keyUsage(stack, readConfig(stack));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    console.error(`The host was not asked: ${error.message}`);
    return undefined;
  }
}

function renderRows(rows: readonly KeyRow[], usage: KeyUsage | undefined): string {
  const table = new Table({
    head: ["client", "slot", "generation", "state", "last use", "last day"],
    style: { head: [], border: [] },
  });
  const unused = usage?.since === undefined ? "" : `none since ${usage.since.toISOString().slice(0, 10)}`;
  for (const { client, slot, generation, state, lastUse, expires = "" } of rows)
    table.push([client, slot, generation, state, lastUse?.toISOString() ?? unused, expires]);
  return table.toString();
}
