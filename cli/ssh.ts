import { dial, DialError, type SshAddress } from "../smoke/ssh-dial";
import { sshAdvice, SshError } from "./ssh-advice";

export { SshError } from "./ssh-advice";
export type { SshAddress } from "../smoke/ssh-dial";

/** One SSH session: connect, check the host key, run one command, hang up. */

export interface SshResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const noKey = (hop: string) =>
  `There is no private key to log in with: the stack file has no ${hop}.privateKeyFile, and no SSH agent runs.\n  way out: set ${hop}.privateKeyFile, or start an agent (eval $(ssh-agent); ssh-add FILE)`;

/** Runs one command; `onLine` sees standard output as it comes. Rejects with SshError when there is no session. */
export async function runOverSsh(
  address: SshAddress,
  command: string,
  options: { readonly stdin?: string; readonly onLine?: (line: string) => void; readonly signal?: AbortSignal } = {},
): Promise<SshResult> {
  if (!process.env["SSH_AUTH_SOCK"]) {
    for (const [hop, endpoint] of [["target", address] as const, ["target.bastion", address.bastion] as const])
      if (endpoint && endpoint.privateKey === undefined) throw new SshError(noKey(hop));
  }
  const advice = (error: Error) =>
    error instanceof DialError
      ? sshAdvice({ ...error.endpoint, shown: error.shown, hop: error.hop }, error.cause)
      : sshAdvice({ ...address, shown: undefined, hop: "target" }, error);
  const client = await dial(address, options.signal).catch((error: unknown) => {
    throw advice(error as Error);
  });
  return new Promise((resolve, reject) => {
    client.on("error", (error) => reject(advice(error)));
    client.exec(command, (error, channel) => {
      if (error) {
        client.end();
        reject(advice(error));
        return;
      }
      const result = { stdout: "", stderr: "" };
      let line = "";
      channel.setEncoding("utf8");
      channel.stderr.setEncoding("utf8");
      channel.on("data", (text: string) => {
        if (!options.onLine) {
          result.stdout += text;
          return;
        }
        const lines = (line + text).split("\n");
        line = lines.pop() ?? "";
        for (const whole of lines) options.onLine(whole);
      });
      channel.stderr.on("data", (text: string) => (result.stderr += text));
      channel.on("close", (code: number | null) => {
        client.end();
        resolve({ code: code ?? 255, ...result });
      });
      channel.end(options.stdin ?? "");
    });
  });
}
