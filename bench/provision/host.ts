import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SANDBOX_CONTAINER, type SandboxSettings } from "../../plan/sandbox";
import { ToolchainError } from "../../toolchain/failure";
import { loadExeca } from "../../toolchain/execa";
import type { HostAccess } from "./work";

/** A fresh host that lives as long as one contender needs it. */
export interface BenchHost {
  readonly access: HostAccess;
  readonly container: string;
  remove(): Promise<void>;
}

const LABEL = "tms-llm.bench";

async function docker(...args: readonly string[]): Promise<string> {
  const execa = await loadExeca();
  return (await execa("docker", args)).stdout;
}

/** Starts a host from the image, with the login and host keys of the settings, and waits until it is settled. */
export async function startHost(name: string, image: string, settings: SandboxSettings): Promise<BenchHost> {
  const execa = await loadExeca();
  const container = `tms-llm-bench-${settings.id}-${name}`;
  await removeContainer(container);
  const { capabilities, securityOptions, tmpfs, command } = SANDBOX_CONTAINER;
  await docker(
    "create",
    `--name=${container}`,
    `--label=${LABEL}=${settings.id}`,
    "--hostname=bench",
    "--cgroupns=private",
    ...capabilities.map((capability) => `--cap-add=${capability}`),
    ...securityOptions.map((option) => `--security-opt=${option}`),
    ...tmpfs.map((path) => `--tmpfs=${path}`),
    image,
    ...command,
  );
  await docker("cp", settings.hostPrivateKeyFile, `${container}:/etc/ssh/ssh_host_ed25519_key`);
  await docker("start", container);
  // Through the container's own shell: the keys' owner and mode must be root's, whoever runs the benchmark.
  const prepare = "umask 077; cat >/root/.ssh/authorized_keys; chown root:root /etc/ssh/ssh_host_ed25519_key";
  await execa("docker", ["exec", "-i", container, "sh", "-c", prepare], { input: `${settings.sshPublicKey}\n` });
  await settled(container);
  const address = await docker(
    "inspect",
    "--format",
    "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
    container,
  );
  return {
    access: {
      host: address.trim(),
      hostKey: settings.hostPublicKey.split(" ").slice(0, 2).join(" "),
      privateKeyFile: settings.sshPrivateKeyFile,
    },
    container,
    remove: () => removeContainer(container),
  };
}

async function removeContainer(container: string): Promise<void> {
  const execa = await loadExeca();
  await execa("docker", ["rm", "--force", "--volumes", container], { reject: false });
}

/** Booted, with sshd up, and no job left that would compete with the first contender that comes along. */
async function settled(container: string): Promise<void> {
  const execa = await loadExeca();
  const ready = "systemctl is-system-running --quiet && ss -Hltn sport = :22 | grep -q .";
  const deadline = Date.now() + 60_000;
  for (;;) {
    const state = await execa("docker", ["exec", container, "sh", "-c", ready], { reject: false });
    if (state.exitCode === 0) break;
    if (Date.now() > deadline)
      throw new ToolchainError(
        `The benchmark's host ${container} does not come up.`,
        `systemd or sshd in it is not running after 60 s: ${state.stderr}`,
        "Run the command again; if it fails again, `docker logs` of that container tells more.",
      );
    await sleep(200);
  }
}

/** Writes an OpenSSH known_hosts file with the host's pinned key. @returns its path */
export function pinHost(folder: string, { host, hostKey }: HostAccess): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "known_hosts");
  writeFileSync(file, `${host} ${hostKey}\n`);
  return file;
}
