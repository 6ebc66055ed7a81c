import { setTimeout as sleep } from "node:timers/promises";
import { Client, utils, type ConnectConfig, type ParsedKey } from "ssh2";
import type { CallContext } from "../protocol/provider";
import type { Connection, Endpoint } from "./connection";

/** The official plugin's pauses between dials: 100 ms, half as much more each time, at most 5 s. */
const FIRST_PAUSE_MS = 100;
const PAUSE_GROWTH = 1.5;
const LONGEST_PAUSE_MS = 5000;

/** Logs in, through the proxy where there is one. The caller ends the client. */
export async function dial(connection: Connection, context: CallContext): Promise<Client> {
  if (connection.proxy === undefined) return dialPatiently(connection, context);
  const proxy = await dialPatiently(connection.proxy, context);
  try {
    const client = await dialPatiently(connection, context, () => forwarded(proxy, connection));
    client.on("close", () => proxy.end());
    return client;
  } catch (error) {
    proxy.end();
    throw error;
  }
}

type OpenSocket = () => Promise<NonNullable<ConnectConfig["sock"]>>;

async function dialPatiently(endpoint: Endpoint, context: CallContext, openSocket?: OpenSocket): Promise<Client> {
  const login = loginOf(endpoint);
  const limit = endpoint.dialErrorLimit;
  let pause = FIRST_PAUSE_MS;
  for (let dials = 1; ; dials++) {
    try {
      context.signal.throwIfAborted();
      return await dialOnce(login, context, openSocket);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (context.signal.aborted) throw new Error(`interrupted while dialing ${endpoint.host}:${endpoint.port}`);
      if (limit > -1 && dials > limit) throw new Error(`after ${dials} failed attempts: ${reason}`);
      context.report(`Dial ${dials}/${limit === -1 ? "inf" : limit} failed: retrying (${reason})`);
      await sleep(pause);
      pause = Math.min(pause * PAUSE_GROWTH, LONGEST_PAUSE_MS);
    }
  }
}

async function dialOnce(login: Login, context: CallContext, openSocket?: OpenSocket): Promise<Client> {
  const { endpoint, credentials, pinned } = login;
  const sock = await openSocket?.();
  return new Promise((resolve, reject) => {
    const client = new Client();
    let wrongKey = false;
    const drop = (): void => void client.destroy();
    client.on("ready", () => {
      context.signal.removeEventListener("abort", drop);
      resolve(client);
    });
    client.on("error", (error) => {
      context.signal.removeEventListener("abort", drop);
      reject(wrongKey ? new Error("ssh: handshake failed: ssh: host key mismatch") : error);
    });
    client.on("close", () => reject(new Error(`${endpoint.host}:${endpoint.port} closed the connection`)));
    if (endpoint.password !== undefined) {
      const { password } = endpoint;
      client.on("keyboard-interactive", (_name, _text, _language, prompts, answer) =>
        answer(prompts.map(() => password)),
      );
    }
    context.signal.addEventListener("abort", drop, { once: true });
    client.connect({
      host: endpoint.host,
      port: endpoint.port,
      username: endpoint.user,
      readyTimeout: endpoint.perDialTimeout * 1000,
      ...(sock && { sock }),
      ...credentials,
      ...(pinned && {
        // Asking for the pinned key's own algorithm keeps a host with several keys from showing another one.
        algorithms: { serverHostKey: algorithmsOf(pinned) as never },
        hostVerifier: (shown: Buffer) => {
          wrongKey = !shown.equals(pinned.getPublicSSH());
          return !wrongKey;
        },
      }),
    });
    // A login is a dozen short messages to and fro; held back for more to send with them, each would wait 40 ms.
    client.setNoDelay(true);
  });
}

interface Login {
  readonly endpoint: Endpoint;
  readonly credentials: ConnectConfig;
  readonly pinned: ParsedKey | undefined;
}

/** What is wrong with a key itself no further dial would mend, so it is told before the first one. */
function loginOf(endpoint: Endpoint): Login {
  const { hostKey, password, privateKey, privateKeyPassword } = endpoint;
  const agent = endpoint.agentSocketPath ?? process.env["SSH_AUTH_SOCK"];
  if (privateKey !== undefined) parsedKey("privateKey is not a usable private key", privateKey, privateKeyPassword);
  return {
    endpoint,
    credentials: {
      ...(privateKey !== undefined && { privateKey }),
      ...(privateKeyPassword !== undefined && { passphrase: privateKeyPassword }),
      ...(password !== undefined && { password, tryKeyboard: true }),
      ...(agent !== undefined && agent !== "" && { agent }),
    },
    pinned: hostKey === undefined ? undefined : parsedKey("hostKey is not a line like `ssh-ed25519 AAAA…`", hostKey),
  };
}

function parsedKey(fault: string, text: string, passphrase?: string): ParsedKey {
  const key = utils.parseKey(text, passphrase);
  if (key instanceof Error) throw new Error(`connection.${fault}: ${key.message}`);
  return key;
}

function algorithmsOf(key: ParsedKey): string[] {
  return key.type === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"] : [key.type];
}

function forwarded(proxy: Client, to: Endpoint): ReturnType<OpenSocket> {
  return new Promise((resolve, reject) => {
    proxy.forwardOut("127.0.0.1", 0, to.host, to.port, (error, stream) => (error ? reject(error) : resolve(stream)));
  });
}
