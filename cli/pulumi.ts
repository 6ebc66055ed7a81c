import { z } from "zod";
import { loadExeca } from "./execa";
import { CommandFailure, EXIT } from "./failure";
import { PROJECT } from "./project";

/** Runs Pulumi for one stack, in the environment that the toolchain made. */
export class Pulumi {
  constructor(
    private readonly stack: string,
    private readonly environment: Readonly<Record<string, string>>,
  ) {}

  /** Runs in the foreground with the terminal; returns the exit code. */
  async show(...args: string[]): Promise<number> {
    const run = await this.execute(args, "inherit");
    return run.exitCode ?? EXIT.internal;
  }

  /** Makes the stack where it does not exist yet. */
  async ensureStack(): Promise<void> {
    const run = await (
      await loadExeca()
    )("pulumi", ["stack", "select", "--create", this.stack, "--non-interactive", "--color", "never"], {
      ...this.options(),
      reject: false,
      all: true,
    });
    if (run.exitCode !== 0)
      throw new CommandFailure(
        `the stack ${this.stack} could not be opened: ${run.all.trim()}`,
        "check the backend (PULUMI_BACKEND_URL) and the passphrase",
        EXIT.internal,
      );
  }

  /** The stack's outputs, secrets in clear; empty before the first deployment. */
  async outputs(): Promise<Record<string, unknown>> {
    const run = await (
      await loadExeca()
    )("pulumi", ["stack", "output", "--json", "--show-secrets", "--stack", this.stack], {
      ...this.options(),
      reject: false,
    });
    return run.exitCode === 0 ? z.record(z.string(), z.unknown()).parse(JSON.parse(run.stdout)) : {};
  }

  /** Forgets an empty stack; its configuration file stays. */
  async removeStack(): Promise<void> {
    const run = await (
      await loadExeca()
    )("pulumi", ["stack", "rm", "--yes", "--preserve-config", "--stack", this.stack], {
      ...this.options(),
      reject: false,
      all: true,
    });
    if (run.exitCode !== 0)
      throw new CommandFailure(
        `the stack ${this.stack} could not be removed: ${run.all.trim()}`,
        "pulumi stack export shows what is left in it",
        EXIT.internal,
      );
  }

  private async execute(args: readonly string[], stdio: "inherit") {
    return (await loadExeca())("pulumi", [...args, "--stack", this.stack], { ...this.options(), stdio, reject: false });
  }

  private options() {
    return { cwd: PROJECT, env: { ...this.environment } };
  }
}
