import { Client, type ConnectConfig, type ServerHostKeyAlgorithm } from "ssh2";

/** Logging in over SSH, through a bastion where there is one. Host keys are pinned at each hop. */

export interface SshEndpoint {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Public host key in OpenSSH form; mandatory. */
  readonly hostKey: string;
  /** Private key text; without it the agent is asked. */
  readonly privateKey?: string;
}

export interface SshAddress extends SshEndpoint {
  /** The server by whose way the host is reached. */
  readonly bastion?: SshEndpoint;
}

/** No session, and at which hop. */
export class DialError extends Error {
  constructor(
    readonly hop: "target" | "target.bastion",
    readonly endpoint: SshEndpoint,
    override readonly cause: Error,
    /** The host key that was shown, where it was another one. */
    readonly shown?: Buffer,
  ) {
    super(cause.message, { cause });
  }
}

/** Logs in to the host. The caller ends the client, and with it every hop. @throws DialError */
export async function dial({ bastion, ...host }: SshAddress, signal?: AbortSignal): Promise<Client> {
  if (bastion === undefined) return logIn("target", host, signal);
  const way = await logIn("target.bastion", bastion, signal);
  try {
    const client = await logIn("target", host, signal, await forward(way, host));
    client.on("close", () => way.end());
    // The line to the host goes with the bastion's; that tells it.
    way.on("error", () => client.destroy());
    return client;
  } catch (error) {
    way.end();
    throw error instanceof DialError ? error : new DialError("target", host, error as Error);
  }
}

type Line = NonNullable<ConnectConfig["sock"]>;

function forward(way: Client, { host, port }: SshEndpoint): Promise<Line> {
  return new Promise((resolve, reject) => {
    way.forwardOut("127.0.0.1", 0, host, port, (error, line) =>
      error ? reject(new Error(`the bastion has no way to it: ${error.message}`)) : resolve(line),
    );
  });
}

/** An RSA key signs in three ways; today's sshd no longer does so in the first, by SHA-1, whose name is the key's own. */
const SIGNATURES: Partial<Record<string, ServerHostKeyAlgorithm[]>> = {
  "ssh-rsa": ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"],
};

function logIn(hop: DialError["hop"], endpoint: SshEndpoint, signal?: AbortSignal, line?: Line): Promise<Client> {
  const [type, pinned] = endpoint.hostKey.split(" ") as [ServerHostKeyAlgorithm, string];
  return new Promise((resolve, reject) => {
    let shown: Buffer | undefined;
    const client = new Client();
    const refuse = (error: Error) => reject(new DialError(hop, endpoint, error, shown));
    signal?.addEventListener("abort", () => client.destroy(), { once: true });
    client.on("error", refuse);
    client.on("close", () => refuse(new Error("the connection was closed")));
    client.on("ready", () => resolve(client));
    try {
      client.connect({
        ...(line === undefined ? { host: endpoint.host, port: endpoint.port } : { sock: line }),
        username: endpoint.user,
        readyTimeout: 10_000,
        // A line that is silent for minutes is forgotten by the routers on the way.
        keepaliveInterval: 15_000,
        algorithms: { serverHostKey: SIGNATURES[type] ?? [type] },
        hostVerifier: (key: Buffer) => {
          const known = key.equals(Buffer.from(pinned, "base64"));
          if (!known) shown = key;
          return known;
        },
        ...(endpoint.privateKey === undefined
          ? { agent: process.env["SSH_AUTH_SOCK"] ?? "" }
          : { privateKey: endpoint.privateKey }),
      });
    } catch (error) {
      refuse(error as Error);
      return;
    }
    // A login is a dozen short messages to and fro; held back for more to send with them, each would wait 40 ms.
    if (line === undefined) client.setNoDelay(true);
  });
}
