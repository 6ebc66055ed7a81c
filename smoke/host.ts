import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { asRoot } from "../plan/render/loader";
import { docker } from "./docker";
import { dial, type DialError, type SshAddress, type SshEndpoint } from "./ssh-dial";
import type { HostAccess, SshAccess } from "./target";

/** Looks into the host itself, from outside: what only it can tell. */

export interface Look {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const TIMEOUT_MILLISECONDS = 15_000;

/** Runs a command as root; its exit code is a result. Throws when it could not be run: nothing was measured. */
export function lookIntoHost(access: HostAccess, words: readonly string[]): Promise<Look> {
  return access.kind === "sandbox"
    ? docker(["exec", access.container, ...words])
    : overSsh(access, words.map(quoted).join(" "));
}

const quoted = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;

async function overSsh(access: SshAccess, command: string): Promise<Look> {
  const where = `${access.user}@${access.host}:${access.port}`;
  const signal = AbortSignal.timeout(TIMEOUT_MILLISECONDS);
  const client = await dial(withKeys(access), signal).catch((error: unknown) => {
    const { hop, endpoint, message } = error as DialError;
    const via = hop === "target.bastion" ? ` by way of ${endpoint.host}` : "";
    throw new Error(`no SSH session with ${where}${via}: ${message}`);
  });
  return new Promise((resolve, reject) => {
    const brokeOff = () => reject(new Error(`the SSH session with ${where} broke off`));
    client.on("error", brokeOff);
    client.on("close", brokeOff);
    client.exec(asRoot(command), (error, channel) => {
      if (error) {
        client.end();
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
}

type WrittenEndpoint = Omit<SshEndpoint, "privateKey"> & { readonly privateKeyFile?: string | undefined };

function withKeys({ bastion, ...host }: SshAccess): SshAddress {
  return { ...withKey(host), ...(bastion === undefined ? {} : { bastion: withKey(bastion) }) };
}

function withKey({ host, port, user, hostKey, privateKeyFile }: WrittenEndpoint): SshEndpoint {
  const endpoint = { host, port, user, hostKey };
  if (privateKeyFile === undefined) return endpoint;
  return { ...endpoint, privateKey: readFileSync(privateKeyFile.replace(/^~(?=\/)/, homedir()), "utf8") };
}
