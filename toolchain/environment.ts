import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { DEFAULT_SOCKET, type Docker } from "./docker";
import { cacheFolder, PRIVATE } from "./places";
import { type Plugin, PULUMI_HOME } from "./plugins";
import { writePrivate } from "./private-files";
import type { PulumiCli } from "./pulumi-cli";

export interface EnvironmentInput {
  readonly pulumi: PulumiCli;
  readonly plugins: readonly Plugin[];
  /** A sandbox's stack may use a passphrase that this project keeps; any other needs the operator's own. */
  readonly sandbox: boolean;
  readonly docker?: Docker;
}

const STATE = join(PRIVATE, "state");
const PASSPHRASE = join(PRIVATE, "passphrase");

/** Variables to set, on top of the present environment, for running `pulumi` in this project. */
export function pulumiEnvironment(
  input: EnvironmentInput,
  present: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  return {
    PATH: withFirst([dirname(process.execPath), input.pulumi.directory], present["PATH"] ?? ""),
    PULUMI_HOME,
    PULUMI_SKIP_UPDATE_CHECK: "true",
    // Types are checked by `npm run check`; checking them again would double the time of every run. Pulumi overrides ts-node's
    // own variable for that.
    PULUMI_NODEJS_TRANSPILE_ONLY: "true",
    // Node then keeps the bytecode of the SDK, which takes 0.3 s to compile.
    NODE_COMPILE_CACHE: join(cacheFolder(), "node-compile"),
    ...backend(present),
    ...(input.sandbox && passphrase(present)),
    // A download that cannot work costs 8 s of attempts.
    ...(input.plugins.some(({ origin }) => origin === "stand-in") && {
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    }),
    ...(input.docker !== undefined && otherSocket(input.docker)),
  };
}

function otherSocket({ host }: Docker): Record<string, string> {
  return host === `unix://${DEFAULT_SOCKET}` ? {} : { DOCKER_HOST: host };
}

function withFirst(folders: readonly string[], path: string): string {
  const rest = path.split(delimiter).filter((folder) => folder !== "" && !folders.includes(folder));
  return [...folders, ...rest].join(delimiter);
}

/** The operator's choice of a backend stands: by variable, or by `pulumi login` in a shell of this project. */
function backend(present: NodeJS.ProcessEnv): Record<string, string> {
  if (present["PULUMI_BACKEND_URL"] || loggedIn()) return {};
  mkdirSync(STATE, { recursive: true, mode: 0o700 });
  return { PULUMI_BACKEND_URL: pathToFileURL(STATE).href };
}

function loggedIn(): boolean {
  const file = join(PULUMI_HOME, "credentials.json");
  if (!existsSync(file)) return false;
  const { current } = JSON.parse(readFileSync(file, "utf8")) as { current?: string };
  return current !== undefined && current !== "" && current !== pathToFileURL(STATE).href;
}

function passphrase(present: NodeJS.ProcessEnv): Record<string, string> {
  if (present["PULUMI_CONFIG_PASSPHRASE"] !== undefined || present["PULUMI_CONFIG_PASSPHRASE_FILE"]) return {};
  if (!existsSync(PASSPHRASE)) writePrivate(PASSPHRASE, `${randomBytes(24).toString("base64url")}\n`);
  // The salt belongs to the passphrase; it is kept in the state, out of the committed stack file.
  return { PULUMI_CONFIG_PASSPHRASE_FILE: PASSPHRASE, PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER: "true" };
}

/** Lines for `source <(npm run -s env)`. */
export function shellExports(environment: Readonly<Record<string, string>>): string {
  const quote = (value: string) => `'${value.replaceAll("'", `'\\''`)}'`;
  return Object.entries(environment)
    .map(([name, value]) => `export ${name}=${quote(value)}\n`)
    .join("");
}
