import type { StackConfig } from "../plan/config/schema";
import { Declined, EXIT, type ExitCode } from "./failure";
import { readConfig } from "./project";
import { ToolchainError } from "../toolchain/failure";

/**
 * The line that a failure on a host of one's own ends with, so that whoever asks for help has what it takes. Slips of the
 * keyboard, faulty files, what this machine lacks and what somebody declined need no help; a sandbox can be made again.
 */

type Kind = StackConfig["target"]["kind"];

/** What failed: the verb with its stack, and what was thrown or returned. */
export interface FailedRun {
  readonly verb: string;
  readonly stack: string;
  readonly error?: unknown;
  readonly exitCode: ExitCode;
}

/** Verbs that end without a message of their own for what they judge; drift and doctor say what to do by themselves. */
const JUDGES = ["up", "destroy", "smoke", "facts", "rollback", "keys"];
const FAILURES: readonly ExitCode[] = [EXIT.failed, EXIT.inconclusive, EXIT.internal];

/** Undefined where no report would help. @param kindOf what a stack's target is; undefined where nobody can tell */
export function reportHint(
  { verb, stack, error, exitCode }: FailedRun,
  kindOf: (stack: string) => Kind | undefined = writtenKind,
): string | undefined {
  if (verb === "report" || !FAILURES.includes(exitCode)) return undefined;
  if (error instanceof Declined || error instanceof ToolchainError) return undefined;
  if (error === undefined && !JUDGES.includes(verb)) return undefined;
  return kindOf(stack) === "ssh" ? hintLine(stack) : undefined;
}

const hintLine = (stack: string) =>
  `  help:    npm run report -- ${stack} collects what a maintainer needs, without secrets; it asks before it writes, and sends nothing`;

function writtenKind(stack: string): Kind | undefined {
  try {
    return readConfig(stack).target.kind;
  } catch {
    return undefined;
  }
}
