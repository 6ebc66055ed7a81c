import { spawn } from "node:child_process";
import { statSync } from "node:fs";
import type { CallContext, ResourceType } from "../protocol/provider";
import { COMMAND_FIELDS, commandResource, type CommandInputs, type Runner } from "./command-resource";
import { isLogged, LineReporter, OutputCollector } from "./output";

/** Time between asking an interrupted command to end and forcing it, milliseconds. */
const GRACE_MS = 1500;

const run: Runner = async (command, inputs, previous, context) => {
  const { dir, interpreter } = inputs as CommandInputs & { dir?: string; interpreter?: string[] };
  const [program = "/bin/sh", ...options] = interpreter?.length ? interpreter : ["/bin/sh", "-c"];
  const output = new OutputCollector();
  if (dir !== undefined && statSync(dir, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw output.failure(`chdir ${dir}: no such directory`, command);
  }
  // A process group of its own: what the command starts ends with it when the user interrupts.
  const child = spawn(program, [...options, command], {
    cwd: dir ?? process.cwd(),
    env: { ...process.env, ...inputs.environment, ...previous },
    detached: true,
    stdio: [inputs.stdin ? "pipe" : "ignore", "pipe", "pipe"],
  });
  const stopped = endGroupOnAbort(child.pid, context);
  const lines = new LineReporter((line) => context.report(line));
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream]?.on("data", (chunk: Buffer) => {
      output.add(stream, chunk);
      if (isLogged(stream, inputs.logging)) lines.add(chunk);
    });
  }
  // A command need not read its stdin; one that ends early closes the pipe, which is its right.
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(inputs.stdin);
  const end = await new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code, signal) => resolve(endOf(code, signal)));
  });
  stopped.release();
  lines.end();
  if (end !== SUCCESS || context.signal.aborted) throw output.failure(end, command);
  return output.finish();
};

const SUCCESS = "exit status 0";

function endGroupOnAbort(pid: number | undefined, context: CallContext): { release(): void } {
  let force: NodeJS.Timeout | undefined;
  const end = (): void => {
    signalGroup(pid, "SIGTERM");
    force = setTimeout(() => signalGroup(pid, "SIGKILL"), GRACE_MS);
  };
  if (context.signal.aborted) end();
  context.signal.addEventListener("abort", end, { once: true });
  return {
    release() {
      context.signal.removeEventListener("abort", end);
      clearTimeout(force);
    },
  };
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // Nothing left in the group is what was wanted.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Go's names for signals, which the official plugin's messages carry. */
const GO_SIGNALS: Readonly<Record<string, string>> = {
  SIGHUP: "hangup",
  SIGINT: "interrupt",
  SIGQUIT: "quit",
  SIGABRT: "aborted",
  SIGKILL: "killed",
  SIGSEGV: "segmentation fault",
  SIGPIPE: "broken pipe",
  SIGTERM: "terminated",
};

function endOf(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal === null) return `exit status ${code ?? 0}`;
  return `signal: ${GO_SIGNALS[signal] ?? signal}`;
}

/** `command:local:Command`: a command on this machine. */
export const localCommand: ResourceType = {
  fields: { ...COMMAND_FIELDS, dir: { kind: "string" }, interpreter: { kind: "strings" } },
  ...commandResource(run),
};
