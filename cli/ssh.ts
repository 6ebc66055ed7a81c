import { dial, DialError, type SshAddress } from "../smoke/ssh-dial";
import { runInSession, type SessionOptions } from "../smoke/ssh-session";
import { sshAdvice, SshError } from "./ssh-advice";

export { SshError } from "./ssh-advice";
export type { SshAddress } from "../smoke/ssh-dial";

/** One SSH session: connect, check the host key, run one command, hang up; what goes wrong comes with advice. */

export interface SshResult {
  /** 255 where the line was cut before the command had ended. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const noKey = (hop: string) =>
  `There is no private key to log in with: the stack file has no ${hop}.privateKeyFile, and no SSH agent runs.\n  way out: set ${hop}.privateKeyFile, or start an agent (eval $(ssh-agent); ssh-add FILE)`;

/** Runs one command. @throws SshError when there is no session */
export async function runOverSsh(
  address: SshAddress,
  command: string,
  { signal, ...options }: SessionOptions & { readonly signal?: AbortSignal } = {},
): Promise<SshResult> {
  if (!process.env["SSH_AUTH_SOCK"]) {
    for (const [hop, endpoint] of [["target", address] as const, ["target.bastion", address.bastion] as const])
      if (endpoint && endpoint.privateKey === undefined) throw new SshError(noKey(hop));
  }
  try {
    const { code = 255, ...said } = await runInSession(await dial(address, signal), command, options);
    return { code, ...said };
  } catch (error) {
    throw error instanceof DialError
      ? sshAdvice({ ...error.endpoint, shown: error.shown, hop: error.hop }, error.cause)
      : sshAdvice({ ...address, shown: undefined, hop: "target" }, error as Error);
  }
}
