import { loadExeca } from "./execa";
import { createWriteStream, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { ToolchainError } from "./failure";
import { cacheFolder } from "./places";

/** How a tool is run while a piece is made. */
export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Name of the log file, without ending, in the cache's `logs` folder. */
  readonly log: string;
  /** What failed, for the message: "Pulumi CLI could not be built." */
  readonly failure: string;
  readonly wayOut: string;
  readonly timeoutSeconds?: number;
}

/**
 * Runs a tool with its output in a log file and returns its standard output.
 * @throws ToolchainError with the tool's last lines and the log's path
 */
export async function runCommand(file: string, args: readonly string[], options: CommandOptions): Promise<string> {
  // Loaded here: a run that finds everything in place starts no command and should not pay for the import.
  const execa = await loadExeca();
  const logFile = join(cacheFolder(), "logs", `${options.log}.log`);
  mkdirSync(dirname(logFile), { recursive: true });
  const log = createWriteStream(logFile, { flags: "a" });
  log.write(`$ ${file} ${args.join(" ")}\n`);
  const running = execa(file, args, {
    stdin: "ignore",
    stdout: ["pipe"],
    stderr: ["pipe"],
    all: true,
    reject: false,
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    ...(options.env !== undefined && { env: options.env }),
    ...(options.timeoutSeconds !== undefined && { timeout: options.timeoutSeconds * 1000 }),
  });
  running.all.pipe(log);
  const result = await running;
  if (result.failed) {
    const lastLines = result.all.trim().split("\n").slice(-5).join("\n       ");
    const reason = result.code === "ENOENT" ? `\`${file}\` is not installed` : (result.shortMessage ?? "it failed");
    const why = lastLines === "" ? reason : `${reason}\n       ${lastLines}`;
    throw new ToolchainError(options.failure, why, `${options.wayOut} The whole output: ${logFile}`);
  }
  return result.stdout;
}
