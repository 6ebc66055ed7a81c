import { Client, type ConnectConfig } from "ssh2";

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

/** Could not reach or trust the host; the message says why and what to do. */
export class SshError extends Error {}

function connectConfig(address: SshAddress): ConnectConfig {
  const expected = Buffer.from(address.hostKey.split(" ")[1] ?? "", "base64");
  return {
    host: address.host,
    port: address.port,
    username: address.user,
    readyTimeout: 10_000,
    hostVerifier: (key: Buffer) => key.equals(expected),
    algorithms: { serverHostKey: [address.hostKey.split(" ")[0] as "ssh-ed25519"] },
    ...(address.privateKey ? { privateKey: address.privateKey } : { agent: process.env["SSH_AUTH_SOCK"] ?? "" }),
  };
}

function advice(address: SshAddress, error: Error): SshError {
  const where = `${address.user}@${address.host}:${address.port}`;
  const text = error.message;
  if (/host key|verification|Host denied/i.test(text)) {
    return new SshError(
      `${where} shows another host key than the one pinned.\n  way out: find out why before anything else; if the host was made anew, pin its new key`,
    );
  }
  if (/authentication/i.test(text)) {
    return new SshError(
      `${where} does not accept our key.\n  way out: add the public key to ${address.user}'s authorized_keys on the host`,
    );
  }
  return new SshError(
    `${where} cannot be reached: ${text}\n  way out: check that the host is up and sshd listens on port ${address.port}`,
  );
}

/** Runs one command; `onLine` sees standard output as it comes. Rejects with SshError when there is no session. */
export function runOverSsh(
  address: SshAddress,
  command: string,
  options: { readonly stdin?: string; readonly onLine?: (line: string) => void; readonly signal?: AbortSignal } = {},
): Promise<SshResult> {
  return new Promise((resolve, reject) => {
    const client = new Client();
    const hangUp = () => client.end();
    options.signal?.addEventListener("abort", hangUp, { once: true });
    client.on("error", (error) => reject(advice(address, error)));
    client.on("ready", () => {
      client.exec(command, (error, channel) => {
        if (error) {
          client.end();
          reject(advice(address, error));
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
    client.connect(connectConfig(address));
    // A login is a dozen short messages to and fro; held back for more to send with them, each would wait 40 ms.
    client.setNoDelay(true);
  });
}
