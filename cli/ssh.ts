import { Client, type ConnectConfig } from "ssh2";
import { sshAdvice, SshError } from "./ssh-advice";

export { SshError } from "./ssh-advice";

/** One SSH session: connect, check the host key, run one command, hang up. */

export interface SshAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Public host key in OpenSSH form; mandatory. */
  readonly hostKey: string;
  /** Private key text; without it the agent is asked. */
  readonly privateKey?: string;
}

export interface SshResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function connectConfig(address: SshAddress, refuse: (shown: Buffer) => void): ConnectConfig {
  const expected = Buffer.from(address.hostKey.split(" ")[1] ?? "", "base64");
  return {
    host: address.host,
    port: address.port,
    username: address.user,
    readyTimeout: 10_000,
    hostVerifier: (key: Buffer) => {
      if (!key.equals(expected)) refuse(key);
      return key.equals(expected);
    },
    algorithms: { serverHostKey: [address.hostKey.split(" ")[0] as "ssh-ed25519"] },
    ...(address.privateKey ? { privateKey: address.privateKey } : { agent: process.env["SSH_AUTH_SOCK"] ?? "" }),
  };
}

const NO_KEY =
  "There is no private key to log in with: the stack file has no target.privateKeyFile, and no SSH agent runs.\n  way out: set target.privateKeyFile, or start an agent (eval $(ssh-agent); ssh-add FILE)";

/** Runs one command; `onLine` sees standard output as it comes. Rejects with SshError when there is no session. */
export function runOverSsh(
  address: SshAddress,
  command: string,
  options: { readonly stdin?: string; readonly onLine?: (line: string) => void; readonly signal?: AbortSignal } = {},
): Promise<SshResult> {
  return new Promise((resolve, reject) => {
    if (!address.privateKey && !process.env["SSH_AUTH_SOCK"]) {
      reject(new SshError(NO_KEY));
      return;
    }
    const client = new Client();
    let shown: Buffer | undefined;
    const advice = (error: Error) => sshAdvice({ ...address, shown }, error);
    const hangUp = () => client.end();
    options.signal?.addEventListener("abort", hangUp, { once: true });
    client.on("error", (error) => reject(advice(error)));
    client.on("ready", () => {
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
    try {
      client.connect(connectConfig(address, (key) => (shown = key)));
    } catch (error) {
      reject(advice(error as Error));
      return;
    }
    // A login is a dozen short messages to and fro; held back for more to send with them, each would wait 40 ms.
    client.setNoDelay(true);
  });
}
