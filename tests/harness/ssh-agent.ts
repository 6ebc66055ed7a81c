import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";

/** A real ssh-agent that holds private keys, as a login session has one. */
export class SshAgent {
  private constructor(
    private readonly folder: string,
    private readonly process: ChildProcess,
  ) {}

  static async start(...keyFiles: readonly string[]): Promise<SshAgent> {
    const folder = mkdtempSync(join(tmpdir(), "agent-"));
    const agent = new SshAgent(folder, spawn("ssh-agent", ["-D", "-a", join(folder, "socket")], { stdio: "ignore" }));
    for (let attempt = 1; ; attempt += 1) {
      const { failed, stderr } = await execa("ssh-add", ["-q", ...keyFiles], { env: agent.environment, reject: false });
      if (!failed) return agent;
      if (attempt === 50) throw new Error(stderr);
      await sleep(100);
    }
  }

  get environment(): { readonly SSH_AUTH_SOCK: string } {
    return { SSH_AUTH_SOCK: join(this.folder, "socket") };
  }

  async stop(): Promise<void> {
    const ended = once(this.process, "exit");
    this.process.kill();
    await ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}
