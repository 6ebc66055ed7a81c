import type { ClientChannel } from "ssh2";
import type { CallContext, ResourceType } from "../protocol/provider";
import { isObject, reveal, unwrap } from "../protocol/values";
import { COMMAND_FIELDS, commandResource, type CommandInputs, type Runner } from "./command-resource";
import { CONNECTION_FIELDS, normalisedConnection, type Connection } from "./connection";
import { isLogged, LineReporter, OutputCollector } from "./output";
import { dial } from "./ssh";

const run: Runner = async (command, inputs, previous, context) => {
  const client = await dial((inputs as CommandInputs & { connection: Connection }).connection, context);
  const drop = (): void => void client.destroy();
  context.signal.addEventListener("abort", drop, { once: true });
  const output = new OutputCollector();
  try {
    const end = await new Promise<string>((resolve, reject) => {
      client.once("close", () => resolve(NO_END));
      client.exec(command, { env: { ...previous } }, (error, channel) => {
        if (error) reject(error);
        // Listening starts within this very callback: a short command's end may lie in the same packet as its start.
        else follow(channel, inputs, output, context, resolve);
      });
    });
    if (end !== SUCCESS) throw output.failure(end, command);
    return output.finish();
  } finally {
    context.signal.removeEventListener("abort", drop);
    client.end();
  }
};

/** The line may drop before the server says how the command ended. */
const NO_END = "wait: remote command exited without exit status or exit signal";

function follow(
  channel: ClientChannel,
  inputs: CommandInputs,
  output: OutputCollector,
  context: CallContext,
  ended: (end: string) => void,
): void {
  const lines = new LineReporter((line) => context.report(line));
  const keep = (stream: "stdout" | "stderr") => (chunk: Buffer) => {
    output.add(stream, chunk);
    if (isLogged(stream, inputs.logging)) lines.add(chunk);
  };
  let end = NO_END;
  channel.on("data", keep("stdout"));
  channel.stderr.on("data", keep("stderr"));
  channel.on("error", () => undefined);
  channel.on("exit", (code: number | null, signal?: string, _dumped?: unknown, reason?: string) => {
    end = endOf(code, signal, reason);
  });
  channel.on("close", () => {
    lines.end();
    ended(end);
  });
  channel.end(inputs.stdin ?? "");
}

const SUCCESS = "Process exited with status 0";

function endOf(code: number | null, signal: string | undefined, reason: string | undefined): string {
  if (code !== null) return `Process exited with status ${code}`;
  const name = (signal ?? "").replace(/^SIG/, "");
  const number = 128 + (SIGNAL_NUMBERS[name] ?? 0);
  return `Process exited with status ${number} from signal ${name}${reason ? `. Reason was: ${reason}` : ""}`;
}

/** Numbers of the signals that RFC 4254 names: it sends names, the official plugin's message has the number too. */
const SIGNAL_NUMBERS: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  ABRT: 6,
  FPE: 8,
  KILL: 9,
  SEGV: 11,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
};

/** `command:remote:Command`: a command over SSH. */
export const remoteCommand: ResourceType = {
  fields: { ...COMMAND_FIELDS, connection: { kind: { object: CONNECTION_FIELDS }, required: true } },
  check(inputs) {
    const environment = unwrap(inputs["environment"]);
    const variables = isObject(environment) ? Object.keys(reveal(environment) as object) : [];
    return {
      inputs: { ...inputs, connection: normalisedConnection(inputs["connection"]) },
      faults:
        variables.length === 0
          ? []
          : [
              `environment (${variables.join(", ")}) cannot be sent: an SSH server takes only variables that its ` +
                "AcceptEnv names, and this stand-in for the command plugin is not told whether it did. " +
                "Send the values through stdin, or set them in the command itself.",
            ],
    };
  },
  ...commandResource(run),
};
