import { createHash } from "node:crypto";

/** What an operator is told when there is no SSH session. */

/** Could not reach or trust the host; the message says why and what to do. */
export class SshError extends Error {}

/** The host shows another key than the pinned one: it is not to be waited for. */
export class OtherHostKey extends SshError {}

export interface Attempt {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** The pinned public host key, in OpenSSH form. */
  readonly hostKey: string;
  /** The host key that was shown, where it was another one. */
  readonly shown?: Buffer | undefined;
  /** The stack file's section about this hop. */
  readonly hop: "target" | "target.bastion";
}

/** As `ssh-keygen -l` prints it. */
const fingerprint = (key: Buffer) => `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;

/** Turns ssh2's error into what failed, what was found and what to do now. */
export function sshAdvice(attempt: Attempt, error: Error): SshError {
  const { host, port, user, hostKey, shown, hop } = attempt;
  const where = `${user}@${host}:${port}`;
  const told = (what: string, wayOut: string) => new SshError(`${what}\n  way out: ${wayOut}`);
  if (shown) {
    const pinned = Buffer.from(hostKey.split(" ")[1] ?? "", "base64");
    return new OtherHostKey(
      `${where} shows another host key than the one in the stack file.\n  found:   ${fingerprint(shown)}\n  pinned:  ${fingerprint(pinned)}\n  way out: find out why before anything else: somebody may have put another machine there. If the host was made anew, compare with its console (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub) and correct ${hop}.hostKey`,
    );
  }
  const { code, level } = error as NodeJS.ErrnoException & { level?: string };
  if (level === "client-authentication") {
    return told(
      `${where} does not accept our key.`,
      `add its public key to ${user}'s authorized_keys on the host, or correct ${hop}.user or ${hop}.privateKeyFile`,
    );
  }
  if (/parse privateKey/.test(error.message)) {
    return /[Ee]ncrypted|passphrase/.test(error.message)
      ? told(
          `The private key in ${hop}.privateKeyFile has a passphrase.`,
          `load it into an SSH agent (ssh-add FILE) and leave ${hop}.privateKeyFile out`,
        )
      : told(
          `The file in ${hop}.privateKeyFile holds no private key that can be read: ${error.message}.`,
          "name a private key in OpenSSH or PEM form",
        );
  }
  if (error.message.startsWith("the bastion has no way"))
    return told(
      `${where} cannot be reached: ${error.message}.`,
      "check that the host is up and that sshd runs on it; target.host and target.port are those that the bastion sees",
    );
  const [reason, wayOut] = UNREACHABLE[level === "client-timeout" ? "ETIMEDOUT" : (code ?? "")] ?? [
    error.message,
    "check that the host is up and that sshd runs on it",
  ];
  return told(`${where} cannot be reached: ${reason}.`, wayOut.replaceAll("target.", `${hop}.`));
}

const UNREACHABLE: Readonly<Record<string, readonly [reason: string, wayOut: string]>> = {
  ECONNREFUSED: ["nothing listens on that port", "start sshd on the host, or correct target.host or target.port"],
  ETIMEDOUT: [
    "no answer within 10 s",
    "check that the host is up, that the address is right, and that no firewall on the way drops the connection",
  ],
  ENOTFOUND: ["nobody knows that name", "correct target.host, or this machine's name service"],
  EHOSTUNREACH: ["there is no way to that address", "check this machine's network, or correct target.host"],
  ENETUNREACH: ["there is no way to that network", "check this machine's network, or correct target.host"],
};
