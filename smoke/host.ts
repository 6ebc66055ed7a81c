import { join } from "node:path";
import { asRoot, NO_ROOT } from "../plan/render/loader";
import { readSshServers } from "../plan/ssh-server";
import { docker } from "./docker";
import { dial, type DialError } from "./ssh-dial";
import { runInSession } from "./ssh-session";
import type { HostAccess, SshAccess } from "./target";

/** Looks into the host itself, from outside: what only it can tell. */

export interface Look {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const PROJECT = join(__dirname, "..");
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
  const client = await dial(readSshServers(PROJECT, access), signal).catch((error: unknown) => {
    const { hop, endpoint, message } = error as DialError;
    const via = hop === "target.bastion" ? ` by way of ${endpoint.host}` : "";
    throw new Error(`no SSH session with ${where}${via}: ${message}`);
  });
  const brokeOff = () => new Error(`the SSH session with ${where} broke off`);
  const { code, ...said } = await runInSession(client, asRoot(command)).catch(() => Promise.reject(brokeOff()));
  if (code === undefined) throw brokeOff();
  if (code === NO_ROOT) throw new Error(`${where}: ${said.stderr.trim()}`);
  return { exitCode: code, ...said };
}
