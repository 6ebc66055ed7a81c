import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { packBackup, type BackupFiles } from "../plan/backup/archive";
import { authorityFault } from "../plan/backup/authority";
import { copiedFiles, leftOut, STATE } from "../plan/backup/contents";
import { countResources, portableState } from "../plan/backup/state";
import type { StackConfig } from "../plan/config/schema";
import { restoredCaFile } from "../plan/context";
import { templateText } from "../plan/render/template-files";
import { writePrivate } from "../toolchain/private-files";
import { encrypt, type Seal } from "./age";
import { CommandFailure, EXIT, UsageError, type ExitCode } from "./failure";
import { runScript } from "./host-script";
import { prepare } from "./prepare";
import { PROJECT, readConfig, readHost } from "./project";
import { refuseHalfRestored } from "./restore-marker";
import { alone } from "./run-lock";
import { readNewPassphrase } from "./secret-input";

export interface BackupOptions {
  /** Default `backups/<stack>-<time>.tar.gz.age`. */
  readonly to?: string;
  /** Public keys of age; without any a passphrase is asked for. */
  readonly recipient?: readonly string[];
}

/** Writes one encrypted file with what cannot be made again: keys, Pulumi's state, the CA of the host, the stack's files. */
export async function backup(stack: string, { to, recipient }: BackupOptions): Promise<ExitCode> {
  const config = readConfig(stack);
  const seal = await chooseSeal(stack, recipient);
  return alone(stack, "backup", async () => {
    refuseHalfRestored(stack);
    const files = await collect(stack, config);
    const at = new Date().toISOString();
    const path = to ?? join("backups", `${stack}-${at.replaceAll(/[-:]|\.\d+/g, "")}.tar.gz.age`);
    write(path, await encrypt(packBackup({ stack, at, files }), seal));
    console.log(report(stack, config, path, files));
    return EXIT.good;
  });
}

/** @throws UsageError where nothing can be written there */
function write(path: string, sealed: Uint8Array): void {
  try {
    writePrivate(path, sealed);
  } catch (error) {
    const { code = "?" } = error as NodeJS.ErrnoException;
    throw new UsageError(`the backup cannot be written to ${path} (${code})`, "name another file with --to FILE");
  }
}

async function chooseSeal(stack: string, recipients: readonly string[] = []): Promise<Seal> {
  if (recipients.length === 0)
    return {
      passphrase: await readNewPassphrase(
        `type it, or let it come from a file: npm run backup -- ${stack} <FILE; or --recipient age1…`,
      ),
    };
  // A mistyped key is found before anything is collected.
  await encrypt(new Uint8Array(), { recipients });
  return { recipients };
}

async function collect(stack: string, config: StackConfig): Promise<BackupFiles> {
  const { pulumi } = await prepare(stack, config);
  const state = await pulumi.exportWithSecrets();
  if (countResources(state) === 0)
    throw new UsageError(
      `${stack} is not deployed: there is nothing in it that cannot be made again`,
      `npm run up -- ${stack}`,
    );
  const copied = copiedFiles(stack).filter((path) => existsSync(join(PROJECT, path)));
  return {
    [STATE]: portableState(state),
    ...Object.fromEntries(copied.map((path) => [path, readFileSync(join(PROJECT, path), "utf8")])),
    ...(config.gateway.tls.mode === "own-ca" ? { [restoredCaFile(stack)]: await authority(stack, config) } : {}),
  };
}

/** The CA that the host made lies there alone. */
async function authority(stack: string, config: StackConfig): Promise<string> {
  const found = await runScript(stack, readHost(stack, config), [], templateText("backup/ca.sh"));
  const fault = found === "" ? "is not there" : authorityFault(found);
  if (fault === undefined) return found;
  throw new CommandFailure(
    `The CA of the host, /etc/tms-llm/tls/ca.key and ca.pem, ${fault}. No backup was made.`,
    `npm run drift -- ${stack} shows what else is not as deployed, npm run up -- ${stack} mends it`,
  );
}

function report(stack: string, config: StackConfig, path: string, files: BackupFiles): string {
  return [
    `Backup of ${stack}: ${path}`,
    ...Object.entries(files).map(([name, text]) => `  ${describe(name, text, stack)}`),
    `Not in it: ${leftOut(config).join("; ")}.`,
    "Keep it on another machine, and what opens it somewhere else.",
  ].join("\n");
}

/** What a file of a backup is, for people. */
export function describe(name: string, text: string, stack: string): string {
  if (name === STATE) return `Pulumi's state with the API keys (${countResources(text)} resources)`;
  return name === restoredCaFile(stack) ? "key and certificate of the host's CA" : name;
}
