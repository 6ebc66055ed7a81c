import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { Client } from "ssh2";
import { docker } from "./docker";
import type { HostAccess, SshAccess } from "./target";

/** Looks into the host itself, from outside: what only it can tell. */

export interface Look {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const TIMEOUT_MILLISECONDS = 15_000;

/** Runs a command of plain words as root; its exit code is a result. Throws when it could not be run: nothing was measured. */
export function lookIntoHost(access: HostAccess, words: readonly string[]): Promise<Look> {
  return access.kind === "sandbox" ? docker(["exec", access.container, ...words]) : overSsh(access, words.join(" "));
}

function overSsh(access: SshAccess, command: string): Promise<Look> {
  const { host, port, user, hostKey, privateKeyFile } = access;
  const [type, pinned] = hostKey.split(" ") as ["ssh-ed25519", string];
  return new Promise((resolve, reject) => {
    const client = new Client();
    const signal = AbortSignal.timeout(TIMEOUT_MILLISECONDS);
    signal.addEventListener("abort", () => client.destroy());
    client.on("error", ({ message }) => reject(new Error(`no SSH session with ${user}@${host}:${port}: ${message}`)));
    client.on("close", () => reject(new Error(`the SSH session with ${user}@${host}:${port} broke off`)));
    client.on("ready", () => {
      client.exec(`as=; [ "$(id -u)" = 0 ] || as="sudo -n"; exec $as ${command}`, (error, channel) => {
        if (error) {
          reject(error);
          return;
        }
        const said = { stdout: "", stderr: "" };
        channel.setEncoding("utf8").on("data", (text: string) => (said.stdout += text));
        channel.stderr.setEncoding("utf8").on("data", (text: string) => (said.stderr += text));
        channel.on("close", (code: number | null) => {
          resolve({ exitCode: code ?? 255, ...said });
          client.end();
        });
      });
    });
    client.connect({
      host,
      port,
      username: user,
      readyTimeout: TIMEOUT_MILLISECONDS,
      algorithms: { serverHostKey: [type] },
      hostVerifier: (key: Buffer) => key.equals(Buffer.from(pinned, "base64")),
      ...(privateKeyFile === undefined
        ? { agent: process.env["SSH_AUTH_SOCK"] ?? "" }
        : { privateKey: readFileSync(privateKeyFile.replace(/^~(?=\/)/, homedir())) }),
    });
  });
}
