import { NO_ROOT, scriptText } from "../plan/render/loader";
import { CommandFailure, EXIT } from "./failure";
import { hostAddress, readHost } from "./project";
import { noRoot } from "./root-rights";
import { runOverSsh } from "./ssh";

type Reached = ReturnType<typeof readHost>;

/**
 * Runs one of our scripts on a stack's host in one round trip and returns what it printed. `words` are its arguments; what
 * must not be seen in a process list is part of the script, which goes through standard input.
 * @throws SshError, CommandFailure
 */
export async function runScript(
  stack: string,
  host: Reached,
  words: readonly string[],
  script: string,
): Promise<string> {
  const result = await runOverSsh(hostAddress(host), scriptText(...words), { stdin: script });
  if (result.code === NO_ROOT) throw noRoot(host.config);
  if (result.code !== 0)
    throw new CommandFailure(
      `the host could not do it: ${result.stderr.trim()}`,
      `npm run up -- ${stack} makes the host as the stack file says`,
      EXIT.internal,
    );
  return result.stdout;
}
