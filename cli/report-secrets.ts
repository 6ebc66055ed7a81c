import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { StackConfig } from "../plan/config/schema";
import { readGiven, STATE_FOLDER } from "../plan/context";
import { secretsIn } from "../plan/report/known";
import { PROJECT } from "./project";

/** Secrets of a stack that lie on this machine in clear, so that a report is free of them even where Pulumi's state is shut. */

/** A variable that is called like a secret. */
const NAMED = /(?:KEY|TOKEN|SECRET|PASSWORD|PASSPHRASE)$/i;
const SHORTEST_VALUE = 8;

export function secretsHere(stack: string, config: StackConfig | undefined): string[] {
  const folder = join(PROJECT, STATE_FOLDER, stack);
  const own = existsSync(folder) ? readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile()) : [];
  const texts = own
    .filter(({ name }) => SECRET_FILE.test(name))
    .map(({ name }) => readFileSync(join(folder, name), "utf8"));
  const passphrases = [
    join(PROJECT, STATE_FOLDER, "passphrase"),
    process.env["PULUMI_CONFIG_PASSPHRASE_FILE"] ?? "",
  ].map((path) => given(path));
  return [
    ...[...texts, ...namedFiles(config).map((path) => given(path))].flatMap(secretsIn),
    ...passphrases.map((text) => text.trim()),
    ...Object.entries(process.env).flatMap(([name, value = ""]) =>
      NAMED.test(name) && value.length >= SHORTEST_VALUE && !/^[~.]?\//.test(value) ? [value] : [],
    ),
    process.env["PULUMI_CONFIG_PASSPHRASE"] ?? "",
  ];
}

const SECRET_FILE = /^(?:.*\.key|.*\.env|id_ed25519|ssh_host_ed25519_key|restored-ca\.pem)$/;

/** Private keys that the stack file names. */
function namedFiles(config: StackConfig | undefined): string[] {
  if (config === undefined) return [];
  const { target, gateway } = config;
  return [
    ...(target.kind === "ssh" ? [target.privateKeyFile, target.bastion?.privateKeyFile] : []),
    gateway.tls.mode === "files" ? gateway.tls.privateKey : undefined,
  ].filter((path) => path !== undefined);
}

/** Nothing where it cannot be read: what nobody can read is in no report. */
function given(path: string): string {
  try {
    return path === "" ? "" : readGiven(PROJECT, path);
  } catch {
    return "";
  }
}
