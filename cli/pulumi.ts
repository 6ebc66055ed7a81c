import { join } from "node:path";
import { z } from "zod";
import { forgetSalt } from "./encryption-salt";
import { loadExeca } from "../toolchain/execa";
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
    const execa = await loadExeca();
    const run = await execa("pulumi", [...args, "--stack", this.stack], {
      ...this.options(),
      stdio: "inherit",
      reject: false,
    });
    this.keepStackFile();
    return run.exitCode ?? EXIT.internal;
  }

  /** Makes the stack where it does not exist yet. */
  async ensureStack(): Promise<void> {
    this.keepStackFile();
    const { failed, output } = await this.ask("stack", "select", "--create", this.stack, "--color", "never");
    this.keepStackFile();
    if (failed)
      throw failure(
        `the stack ${this.stack} could not be opened: ${output}`,
        "check the backend (PULUMI_BACKEND_URL) and the passphrase",
      );
  }

  /** The stack's outputs, secrets in clear; empty before the first deployment. */
  async outputs(): Promise<Record<string, unknown>> {
    const { failed, stdout } = await this.ask("stack", "output", "--json", "--show-secrets", "--stack", this.stack);
    return failed ? {} : z.record(z.string(), z.unknown()).parse(JSON.parse(stdout));
  }

  /** Forgets an empty stack; its configuration file stays. */
  async removeStack(): Promise<void> {
    const { failed, output } = await this.ask("stack", "rm", "--yes", "--preserve-config", "--stack", this.stack);
    if (failed)
      throw failure(
        `the stack ${this.stack} could not be removed: ${output}`,
        "pulumi stack export shows what is left in it",
      );
  }

  private async ask(...args: string[]): Promise<{ failed: boolean; stdout: string; output: string }> {
    const execa = await loadExeca();
    const run = await execa("pulumi", [...args, "--non-interactive"], { ...this.options(), reject: false, all: true });
    return { failed: run.exitCode !== 0, stdout: run.stdout, output: run.all.trim() };
  }

  private keepStackFile(): void {
    // The toolchain sets this for sandboxes only; elsewhere passphrase and salt are the operator's own.
    if ("PULUMI_CONFIG_PASSPHRASE_FILE" in this.environment) forgetSalt(join(PROJECT, `Pulumi.${this.stack}.yaml`));
  }

  private options() {
    return { cwd: PROJECT, env: { ...this.environment } };
  }
}

const failure = (message: string, wayOut: string) => new CommandFailure(message, wayOut, EXIT.internal);
