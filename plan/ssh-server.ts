import { readGiven } from "./context";

/** An SSH server as a stack file or a smoke target names it. */
interface NamedServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Public host key in OpenSSH form. */
  readonly hostKey: string;
  /** On this machine, relative to the project; without it the SSH agent is asked. */
  readonly privateKeyFile?: string | undefined;
}

/** The server with the text of its private key. */
export interface SshServer extends Omit<NamedServer, "privateKeyFile"> {
  readonly privateKey?: string;
}

/** A host, and the bastion by whose way it is reached, ready to log in to. Throws NotPrepared where a key is missing. */
export function readSshServers(
  project: string,
  { bastion, ...host }: NamedServer & { readonly bastion?: NamedServer | undefined },
): SshServer & { readonly bastion?: SshServer } {
  return { ...readServer(project, host), ...(bastion === undefined ? {} : { bastion: readServer(project, bastion) }) };
}

function readServer(project: string, { host, port, user, hostKey, privateKeyFile }: NamedServer): SshServer {
  const server = { host, port, user, hostKey };
  return privateKeyFile === undefined ? server : { ...server, privateKey: readGiven(project, privateKeyFile) };
}
