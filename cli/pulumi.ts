import { join } from "node:path";
import { z } from "zod";
import { forgetSalt } from "./encryption-salt";
import { loadExeca } from "../toolchain/execa";
import { isEmptyBackend } from "./backend-folder";
import { abandonedLocks, backendLocks, holder } from "./backend-lock";
import { CommandFailure, EXIT } from "./failure";
import { PROJECT } from "./project";
import { parseState, type PulumiState } from "./pulumi-state";
import { untilEnd } from "./stop-request";

const stacksSchema = z.array(z.object({ name: z.string(), resourceCount: z.number().optional() }));

/** Runs Pulumi for one stack, in the environment that the toolchain made. */
export class Pulumi {
  constructor(
    private readonly stack: string,
    private readonly environment: Readonly<Record<string, string>>,
  ) {}

  /** URL of the place where Pulumi keeps its state; undefined where it has been logged in to by itself. */
  get backend(): string | undefined {
    return this.environment["PULUMI_BACKEND_URL"] ?? process.env["PULUMI_BACKEND_URL"];
  }

  /** Runs in the foreground with the terminal; returns the exit code. A request to stop is Pulumi's to follow. */
  async show(...args: string[]): Promise<number> {
    const execa = await loadExeca();
    const child = execa("pulumi", [...args, "--stack", this.stack], {
      ...this.options(),
      stdio: "inherit",
      reject: false,
    });
    const run = await untilEnd(child, child);
    this.keepStackFile();
    return run.exitCode ?? EXIT.internal;
  }

  /** Whether the state has anything of the stack, as far as the backend counts. Writes nothing, and needs no passphrase. */
  async hasResources(): Promise<boolean> {
    // Where there is none yet, Pulumi would make a backend by looking.
    if (isEmptyBackend(this.backend)) return false;
    const { failed, stdout, output } = await this.ask(["stack", "ls", "--json"]);
    if (failed)
      throw failure(
        `Pulumi's stacks cannot be listed: ${output}`,
        "check the backend (PULUMI_BACKEND_URL, pulumi login)",
      );
    return stacksSchema
      .parse(JSON.parse(stdout))
      .some(({ name, resourceCount }) => name.split("/").at(-1) === this.stack && resourceCount !== 0);
  }

  /** Makes the stack, and its line in the stack file of that folder. */
  async makeStack(folder: string): Promise<void> {
    const { failed, output } = await this.ask(["stack", "init", this.stack, "--no-select", "--cwd", folder]);
    if (failed)
      throw failure(`no stack could be made in ${folder}: ${output}`, "see that the folder can be written to");
  }

  /** Makes the stack where it does not exist yet. */
  async ensureStack(): Promise<void> {
    this.keepStackFile();
    const { failed, output } = await this.ask(["stack", "select", "--create", this.stack, "--color", "never"]);
    this.keepStackFile();
    if (failed)
      throw failure(
        `the stack ${this.stack} could not be opened: ${output}`,
        "check the backend (PULUMI_BACKEND_URL) and the passphrase",
      );
  }

  /**
   * Releases the stack's lock where a process that was killed has left it, and says so.
   * @throws CommandFailure where its process runs, or may run
   */
  async releaseAbandonedLock(say: (line: string) => void): Promise<void> {
    const locks = abandonedLocks(backendLocks(this.backend, this.stack), this.stack);
    if (locks.length === 0) return;
    const { failed, output } = await this.ask(["cancel", "--yes", "--stack", this.stack]);
    if (failed) throw failure(`the lock of ${this.stack} could not be released: ${output}`, "pulumi cancel");
    say(`The last run was killed (${locks.map(holder).join("; ")}); its lock on ${this.stack} is released.`);
  }

  /** What Pulumi knows of the stack. */
  async state(): Promise<PulumiState> {
    const { failed, stdout, output } = await this.ask(["stack", "export", "--stack", this.stack]);
    if (failed) throw failure(`the state of ${this.stack} cannot be read: ${output}`, "check the backend");
    return parseState(stdout);
  }

  /** The stack's state as text, secrets in clear. */
  async exportWithSecrets(): Promise<string> {
    const { failed, stdout, output } = await this.ask(["stack", "export", "--show-secrets", "--stack", this.stack]);
    if (failed)
      throw failure(
        `the secrets in the state of ${this.stack} cannot be read: ${output}`,
        "check the backend and the passphrase",
      );
    return stdout;
  }

  /** Replaces the stack's state, of which Pulumi keeps the former version; secrets are encrypted on the way. */
  async importState(text: string): Promise<void> {
    const { failed, output } = await this.ask(["stack", "import", "--stack", this.stack], text);
    if (failed) throw failure(`the state of ${this.stack} could not be put back: ${output}`, "check the backend");
  }

  /** Forgets operations that were never finished: an import of the state leaves them out. */
  async forgetPendingOperations(): Promise<void> {
    const exported = await this.ask(["stack", "export", "--stack", this.stack]);
    const { failed, output } = await this.ask(["stack", "import", "--stack", this.stack], exported.stdout);
    if (exported.failed || failed)
      throw failure(
        `the unfinished operations of ${this.stack} could not be cleared: ${exported.failed ? exported.output : output}`,
        `source <(npm run -s env -- ${this.stack}), then pulumi refresh --clear-pending-creates --stack ${this.stack}`,
      );
  }

  /** The stack's outputs, secrets in clear; empty before the first deployment. */
  async outputs(): Promise<Record<string, unknown>> {
    const { failed, stdout, output } = await this.ask([
      ...["stack", "output", "--json", "--show-secrets", "--stack", this.stack],
    ]);
    if (failed)
      throw failure(`the outputs of ${this.stack} cannot be read: ${output}`, "check the backend and the passphrase");
    return z.record(z.string(), z.unknown()).parse(JSON.parse(stdout));
  }

  /** Forgets an empty stack; its configuration file stays. */
  async removeStack(): Promise<void> {
    const { failed, output } = await this.ask(["stack", "rm", "--yes", "--preserve-config", "--stack", this.stack]);
    if (failed)
      throw failure(
        `the stack ${this.stack} could not be removed: ${output}`,
        "pulumi stack export shows what is left in it",
      );
  }

  private async ask(args: readonly string[], input = ""): Promise<{ failed: boolean; stdout: string; output: string }> {
    const execa = await loadExeca();
    const run = await execa("pulumi", [...args, "--non-interactive"], {
      ...this.options(),
      input,
      reject: false,
      all: true,
    });
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
