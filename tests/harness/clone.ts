import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { execa, execaSync } from "execa";
import { parse, stringify } from "yaml";
import { artifactIndexSchema } from "../../plan/artifacts";
import { sandboxSettingsSchema, type SandboxSettings } from "../../plan/sandbox";
import { ContainerHost } from "./container-host";

/** The project as a user has it after `git clone`: a folder with a state, a sandbox, ports and a network of its own. */

const PROJECT = resolve(__dirname, "../..");

/** What a finished verb said. */
export interface Run {
  readonly exitCode: number;
  readonly stdout: string;
  /** Standard output and standard error as they came. */
  readonly output: string;
  readonly seconds: number;
}

/** A verb that is running. */
export interface Running {
  readonly pid: number;
  readonly done: Promise<Run>;
  /** What it has said so far. */
  readonly soFar: () => string;
  /** Waits until the output has `text`; fails when the verb ends without. */
  readonly says: (text: string | RegExp) => Promise<void>;
  /** Types into its standard input. */
  readonly type: (text: string) => void;
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** In a process group of its own, so that a signal to the group reaches the verb with all that it started. */
  readonly detached?: boolean;
}

export class Clone {
  /** Everything that any verb has printed here. */
  console = "";

  private constructor(readonly folder: string) {}

  /** Copies what git knows or would know; the packages are shared. */
  static async make(): Promise<Clone> {
    const { stdout } = await execa("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
      cwd: PROJECT,
    });
    const folder = mkdtempSync(join(tmpdir(), "tms-llm-e2e-"));
    for (const file of stdout.split("\0").filter((name) => name !== "" && existsSync(join(PROJECT, name)))) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      cpSync(join(PROJECT, file), join(folder, file));
    }
    symlinkSync(join(PROJECT, "node_modules"), join(folder, "node_modules"));
    return new Clone(folder);
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  read(...parts: string[]): string {
    return readFileSync(this.path(...parts), "utf8");
  }

  write(text: string, ...parts: string[]): void {
    writeFileSync(this.path(...parts), text);
  }

  /** A verb as `npm run` calls it. */
  start(args: readonly string[], options: StartOptions = {}): Running {
    return this.follow("node", ["toolchain/start.mjs", ...args], options);
  }

  run(args: readonly string[], options: StartOptions = {}): Promise<Run> {
    return this.start(args, options).done;
  }

  /** The same in a terminal, where Ctrl-C is a character that is typed. */
  startInTerminal(args: readonly string[], options: StartOptions = {}): Running {
    const command = ["exec", "node", "toolchain/start.mjs", ...args].join(" ");
    return this.follow("script", ["--quiet", "--return", "--command", command, "/dev/null"], options);
  }

  /** Lines in a user's own bash, in the clone's folder. */
  shell(script: string): Promise<Run> {
    return this.follow("bash", ["-c", script], {}).done;
  }

  private follow(command: string, args: readonly string[], { env = {}, detached = false }: StartOptions): Running {
    const began = performance.now();
    const process = execa(command, args, {
      cwd: this.folder,
      env: { ...usersEnvironment(), ...env },
      extendEnv: false,
      reject: false,
      all: true,
      detached,
      stdin: "pipe",
      stripFinalNewline: false,
      // A test run that is killed must not leave a deployment running.
      cleanup: true,
    });
    let soFar = "";
    process.all.on("data", (chunk: Buffer) => {
      soFar += chunk.toString("utf8");
      this.console += chunk.toString("utf8");
    });
    const done = process.then(({ exitCode, stdout, all }) => ({
      exitCode: exitCode ?? 255,
      stdout,
      output: all,
      seconds: (performance.now() - began) / 1000,
    }));
    return {
      pid: process.pid!,
      done,
      soFar: () => soFar,
      says: (text) => said(process, () => soFar, text),
      type: (text) => process.stdin.write(text),
    };
  }

  /** The stack file's text. */
  get stackFile(): string {
    return this.path("Pulumi.dev.yaml");
  }

  /** Changes the stack's configuration by its keys, e.g. `clients`; the rest of the file stays as it is. */
  configure(changes: Readonly<Record<string, unknown>>, stack = "dev"): void {
    const file = this.path(`Pulumi.${stack}.yaml`);
    const content = (existsSync(file) ? parse(readFileSync(file, "utf8")) : {}) as { config?: Record<string, unknown> };
    const named = Object.fromEntries(Object.entries(changes).map(([key, value]) => [`tms-llm:${key}`, value]));
    writeFileSync(file, stringify({ ...content, config: { ...content.config, ...named } }));
  }

  /** Gives another clone a stack's file, with the files beside it that it names. */
  copyStack(stack: string, other: Clone): void {
    for (const name of [`Pulumi.${stack}.yaml`, `${stack}.pem`, `${stack}.key`])
      if (existsSync(this.path(name))) cpSync(this.path(name), other.path(name));
  }

  /**
   * Lets this machine's stand-in plugins and its own build of Ollama pass for the official ones, which only a machine with
   * internet can have and without which no host of one's own is deployed.
   * @returns the stack file's entry for a model that may go to such a host
   */
  async passForOfficial(): Promise<Readonly<Record<string, unknown>>> {
    const prepared = await this.run(["env"]);
    if (prepared.exitCode !== 0) throw new Error(prepared.output);
    rmSync(this.path(".tms-llm/pulumi-home/stand-ins.json"), { force: true });
    const index = this.path(".tms-llm/artifacts.json");
    const artifacts = artifactIndexSchema.parse(JSON.parse(readFileSync(index, "utf8")));
    const entries = Object.entries(artifacts).map(([name, entry]) => [name, { ...entry, origin: "official" }]);
    writeFileSync(index, JSON.stringify(Object.fromEntries(entries)));
    const { path, sha256 } = artifacts["tiny-model"]!;
    return { name: "tiny", source: `file:${path}`, sha256, context: 2048 };
  }

  /** Commits everything as it is now. */
  async commit(): Promise<void> {
    const git = (...args: string[]) =>
      execa("git", ["-c", "user.name=test", "-c", "user.email=test@localhost", ...args], { cwd: this.folder });
    await git("init", "--quiet");
    // A link, where the project's .gitignore expects a folder.
    writeFileSync(this.path(".git/info/exclude"), "node_modules\n");
    await git("add", "--all");
    await git("commit", "--quiet", "--message", "as it was cloned");
  }

  /** What differs from the last commit, as `git status --short` prints it. */
  async changes(): Promise<string> {
    return (await execa("git", ["status", "--short"], { cwd: this.folder })).stdout;
  }

  /** What was chosen for the stack's sandbox; undefined before the first `up`. */
  sandbox(stack = "dev"): SandboxSettings | undefined {
    const file = this.path(".tms-llm", stack, "sandbox.json");
    return existsSync(file) ? sandboxSettingsSchema.parse(JSON.parse(readFileSync(file, "utf8"))) : undefined;
  }

  /** The sandbox as a host, seen from inside. */
  host(): ContainerHost {
    const settings = this.sandbox();
    if (settings === undefined) throw new Error("no sandbox was ever chosen here");
    return new ContainerHost(`tms-llm-${settings.id}`);
  }

  /** Names of the containers and networks that belong to a sandbox. */
  async leftovers(id: string): Promise<string[]> {
    const filter = ["--filter", `name=tms-llm-${id}`, "--format"];
    const containers = await execa("docker", ["ps", "--all", ...filter, "{{.Names}}"]);
    const networks = await execa("docker", ["network", "ls", ...filter, "{{.Name}}"]);
    return `${containers.stdout}\n${networks.stdout}`.split("\n").filter((name) => name !== "");
  }

  /** Removes the clone and its sandbox, whatever state they are in. */
  async remove(): Promise<void> {
    const id = this.sandbox()?.id;
    if (id !== undefined) {
      await execa("docker", ["rm", "--force", "--volumes", `tms-llm-${id}`], { reject: false });
      await execa("docker", ["network", "rm", `tms-llm-${id}`], { reject: false });
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** This process's environment without what npm, vitest and a prepared shell put into it. */
function usersEnvironment(): Record<string, string> {
  const foreign =
    /^(npm_|NPM_|VITEST|TINYPOOL|PULUMI_|TS_NODE|NODE_ENV$|NODE_OPTIONS$|TEST$|DEV$|PROD$|MODE$|SSR$|BASE_URL$|FORCE_COLOR$)/;
  const own = Object.entries(process.env).filter(([name]) => !foreign.test(name)) as [string, string][];
  const path = (process.env["PATH"] ?? "").split(":").filter((folder) => !folder.endsWith("node_modules/.bin"));
  return { ...Object.fromEntries(own), PATH: path.join(":") };
}

async function said(process: Promise<unknown>, soFar: () => string, text: string | RegExp): Promise<void> {
  const found = () => (typeof text === "string" ? soFar().includes(text) : text.test(soFar()));
  const state = { ended: false };
  void process.then(() => (state.ended = true));
  while (!found()) {
    if (state.ended) throw new Error(`ended without saying ${String(text)}:\n${soFar()}`);
    await new Promise((wake) => setTimeout(wake, 20));
  }
}

/** For tests that are not about speed: a busy machine must not fail their proof. */
export const PATIENT = { objectives: { health: "10s", ttft: "60s", total: "300s" } } as const;

/** Tests that need a Docker daemon say so in their title. */
export const DOCKER_MISSING = execaSync("docker", ["version", "--format", "{{.Server.Version}}"], {
  reject: false,
}).failed;
