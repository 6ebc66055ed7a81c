import { loadExeca } from "../../toolchain/execa";
import { CommandFailure } from "../../cli/failure";

export interface TimedCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Runs one contender's command to its end. @returns what it said, standard error included */
export async function runContender(name: string, { file, args, cwd, env }: TimedCommand): Promise<string> {
  const execa = await loadExeca();
  const run = await execa(file, args, {
    env,
    ...(cwd !== undefined && { cwd }),
    stdin: "ignore",
    all: true,
    reject: false,
    timeout: 600_000,
  });
  if (run.exitCode === 0) return run.all;
  throw new CommandFailure(`${name} did not finish the host work.\n${lastLines(run.all)}`, "mend what it names");
}

const lastLines = (output: string) => output.trim().split("\n").slice(-25).join("\n  ");

/** The same, for a run that must find nothing to do: `evidence` has to be in what it says. */
export async function runIdle(name: string, command: TimedCommand, evidence: RegExp): Promise<void> {
  const output = await runContender(name, command);
  if (!evidence.test(output)) {
    throw new CommandFailure(
      `${name} changed something on a host where nothing was to do.\n${lastLines(output)}`,
      "make its work idempotent before comparing",
    );
  }
}
