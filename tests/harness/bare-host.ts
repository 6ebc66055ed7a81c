import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { execa, execaSync } from "execa";
import { SANDBOX_CONTAINER } from "../../plan/sandbox";
import { ContainerHost } from "./container-host";

/** A disposable bare host: a container of the sandbox image with systemd in it, made and removed by a test. */

/** Tests that need it say so in their title. */
export const DOCKER_MISSING = execaSync("docker", ["version", "--format", "{{.Server.Version}}"], {
  reject: false,
}).failed;

/** "degraded" is a unit that failed, which a test may look for; but the host is up. */
const BOOTED: readonly string[] = ["running", "degraded"];

/** Holds the id of the process that made the container, so that the leavings of a killed run can be told. */
const LABEL = "tms-llm.test";

export class BareHost extends ContainerHost {
  /** Boots a host and waits until systemd has come up. `options` are further ones of `docker run`. */
  static async start(image: string, options: readonly string[] = []): Promise<BareHost> {
    await sweep();
    const host = new BareHost(`tms-llm-test-${randomBytes(4).toString("hex")}`);
    await execa("docker", [
      "run",
      "--detach",
      "--name",
      host.name,
      // The same on all, since it shows in files.
      "--hostname",
      "bare-host",
      "--label",
      `${LABEL}=${process.pid}`,
      "--cgroupns=private",
      ...SANDBOX_CONTAINER.capabilities.map((capability) => `--cap-add=${capability}`),
      ...SANDBOX_CONTAINER.securityOptions.map((option) => `--security-opt=${option}`),
      ...SANDBOX_CONTAINER.tmpfs.map((path) => `--tmpfs=${path}`),
      ...options,
      image,
      ...SANDBOX_CONTAINER.command,
    ]);
    await host.booted();
    return host;
  }

  /** Puts a file of this machine on the host. */
  async copy(source: string, path: string): Promise<void> {
    await execa("docker", ["cp", source, `${this.name}:${path}`]);
  }

  /**
   * Boots the host anew, as `systemctl reboot` does: systemd stops every unit, and what is in memory is lost.
   *
   * @param states states of systemd, any of which is waited for; "starting" does not wait for every unit
   */
  async reboot(states: readonly string[] = BOOTED): Promise<void> {
    await this.ask("systemctl reboot");
    await execa("docker", ["wait", this.name]);
    await execa("docker", ["start", this.name]);
    await this.booted(states);
  }

  async remove(): Promise<void> {
    await execa("docker", ["rm", "--force", "--volumes", this.name]);
  }

  private async booted(states = BOOTED): Promise<void> {
    const deadline = Date.now() + 60_000;
    let state = "";
    while (Date.now() < deadline) {
      state = (await this.ask("systemctl is-system-running")).stdout;
      if (states.includes(state)) return;
      await sleep(50);
    }
    throw new Error(`${this.name} has not booted after 60 s: ${state}`);
  }
}

/** Removes hosts whose test run was killed before it could do so itself. */
async function sweep(): Promise<void> {
  const { stdout } = await execa("docker", [
    "ps",
    "--all",
    "--filter",
    `label=${LABEL}`,
    "--format",
    `{{.Names}} {{.Label "${LABEL}"}}`,
  ]);
  const abandoned = stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split(" ") as [string, string])
    .filter(([, pid]) => !isAlive(Number(pid)));
  for (const [name] of abandoned) await execa("docker", ["rm", "--force", "--volumes", name], { reject: false });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
