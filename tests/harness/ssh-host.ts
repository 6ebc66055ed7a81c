import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import type { BareHost } from "./bare-host";
import type { Clone } from "./clone";

/** A bare host with sshd, as a stack file names it: the whole CLI against a host that outlives its deployment. */

export interface SshAccess {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly hostKey: string;
  readonly privateKeyFile: string;
}

/** An account as cloud images have it: no password, everything by sudo. */
export const SUDOER = "ubuntu";

/** Starts sshd on the host with a key of its own, and lets root in from the clone, or another who may do all by sudo. */
export async function openSsh(host: BareHost, clone: Clone, user: "root" | typeof SUDOER = "root"): Promise<SshAccess> {
  const [hostKey] = (
    await host.shell(`set -e
      ssh-keygen -q -t ed25519 -N '' -C host -f /etc/ssh/ssh_host_ed25519_key
      ssh-keygen -q -t ed25519 -N '' -C login -f /run/login
      ${user === "root" ? "" : `useradd --create-home ${user}; echo '${user} ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/${user}`}
      install -d -m 0700 -o ${user} ~${user}/.ssh
      install -m 0600 -o ${user} /run/login.pub ~${user}/.ssh/authorized_keys
      systemctl start ssh
      until ss -Hltn sport = :22 | grep -q .; do sleep 0.05; done
      cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub`)
  ).split("\n");
  const privateKeyFile = join(clone.folder, `${host.name}.key`);
  writeFileSync(privateKeyFile, `${await host.shell("cat /run/login")}\n`, { mode: 0o600 });
  const { address } = await addresses(host);
  return { host: address, port: 22, user, hostKey: hostKey!, privateKeyFile };
}

/** The host's own address, and the one from which this machine talks to it. */
export async function addresses(host: BareHost): Promise<{ readonly address: string; readonly machine: string }> {
  const format = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.Gateway}}{{end}}";
  const { stdout } = await execa("docker", ["inspect", "--format", format, host.name]);
  const [address, machine] = stdout.trim().split(" ");
  return { address: address!, machine: machine! };
}
