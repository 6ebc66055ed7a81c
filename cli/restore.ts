import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SpoiltBackup, unpackBackup, type Backup } from "../plan/backup/archive";
import { isPublic, STATE, stackFile } from "../plan/backup/contents";
import { overwritten, checkContents, restoredText } from "../plan/backup/restoration";
import { adoptedState } from "../plan/backup/state";
import { parseStackConfig } from "../plan/config/parse";
import { readStackFile } from "../plan/config/stack-file";
import { writePrivate } from "../toolchain/private-files";
import { decrypt, openedBy, readGivenFile, type Opener } from "./age";
import { describe } from "./backup";
import { confirm } from "./confirm";
import { CommandFailure, EXIT, UsageError, type ExitCode } from "./failure";
import { prepare } from "./prepare";
import { PROJECT } from "./project";
import { markedAsUnfinished } from "./restore-marker";
import { alone } from "./run-lock";
import { readPassphrase } from "./secret-input";

export interface RestoreOptions {
  readonly from?: string;
  /** File of a private key of age. */
  readonly identity?: string;
  readonly yes?: boolean;
}

/**
 * Puts what a backup holds back into this clone; no host is contacted. The next `up` then deploys with the former keys and
 * the former CA. What would be overwritten is listed and asked about first.
 */
export async function restore(stack: string, options: RestoreOptions): Promise<ExitCode> {
  const { from } = options;
  if (from === undefined) throw new UsageError("restore needs a backup", `npm run restore -- ${stack} --from FILE`);
  const backup = await open(stack, from, options);
  const file = stackFile(stack);
  const config = parseStackConfig(readStackFile(backup.files[file]!, file), { stack, file });
  return alone(stack, "restore", async () => {
    const present = Object.fromEntries(Object.keys(backup.files).flatMap((path) => presentFile(path)));
    // Pulumi wants a stack file; it salts it for the passphrase that is used here.
    if (present[file] === undefined) write(file, restoredText(file, backup.files[file]!));
    const { pulumi } = await prepare(stack, config);
    const state = await pulumi.exportWithSecrets();
    await admit(stack, overwritten(backup, { ...present, [STATE]: state }), options);
    await markedAsUnfinished(stack, from, async () => {
      for (const [path, text] of Object.entries(backup.files))
        if (path !== STATE) write(path, restoredText(path, text, presentFile(path)[0]?.[1]));
      await pulumi.importState(adoptedState(backup.files[STATE]!, await pulumi.exportWithSecrets()));
    });
    console.log(report(backup));
    return EXIT.good;
  });
}

async function open(stack: string, from: string, { identity }: RestoreOptions): Promise<Backup> {
  const sealed = readGivenFile(from, "--from");
  const content = await decrypt(sealed, await chooseOpener(stack, from, sealed, identity), from);
  try {
    const backup = unpackBackup(content);
    if (backup.stack !== stack)
      throw new UsageError(
        `${from} is a backup of the stack ${backup.stack}, not of ${stack}. Nothing was changed.`,
        `npm run restore -- ${backup.stack} --from ${from}`,
      );
    checkContents(backup);
    return backup;
  } catch (error) {
    if (!(error instanceof SpoiltBackup)) throw error;
    throw new UsageError(
      `${from} ${error.message}. Nothing was changed.`,
      "take another copy of it, or an older backup",
    );
  }
}

async function chooseOpener(stack: string, from: string, sealed: Uint8Array, identity?: string): Promise<Opener> {
  const key = openedBy(sealed);
  const command = `npm run restore -- ${stack} --from ${from}`;
  if (key === undefined)
    throw new UsageError(
      `${from} is no backup: it is not encrypted with age. Nothing was changed.`,
      "name the file that npm run backup wrote",
    );
  if (key === "passphrase") {
    if (identity !== undefined) throw new UsageError(`${from} is opened by a passphrase, not by a key`, command);
    return {
      passphrase: await readPassphrase(
        "Passphrase of the backup: ",
        `type it, or let it come from a file: ${command} <FILE`,
      ),
    };
  }
  if (identity === undefined)
    throw new UsageError(`${from} is opened by a key of age, not by a passphrase`, `${command} --identity FILE`);
  return { identityFile: identity };
}

async function admit(stack: string, lines: readonly string[], { yes }: RestoreOptions): Promise<void> {
  if (lines.length === 0) return;
  console.error(["This overwrites what is here:", ...lines.map((line) => `  ${line}`)].join("\n"));
  if (yes) return;
  if (!process.stdin.isTTY)
    throw new UsageError(
      "nobody is here to confirm. Nothing was changed.",
      "add --yes; npm run backup first keeps what is here",
    );
  if (!(await confirm("Overwrite it?")))
    throw new CommandFailure("Nothing was changed.", `npm run backup -- ${stack} first keeps what is here`);
}

/** The entry of a file that is here; none for one that is not. */
function presentFile(path: string): [string, string][] {
  const file = join(PROJECT, path);
  return path !== STATE && existsSync(file) ? [[path, readFileSync(file, "utf8")]] : [];
}

function write(path: string, text: string): void {
  const file = join(PROJECT, path);
  if (!isPublic(path)) {
    writePrivate(file, text);
    return;
  }
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

function report({ stack, at, files }: Backup): string {
  return [
    `Restored ${stack} as it was on ${at.slice(0, 16).replace("T", " ")} UTC:`,
    ...Object.entries(files).map(([name, text]) => `  ${describe(name, text, stack)}`),
    `npm run up -- ${stack} deploys it: clients keep their keys and the certificate of the CA.`,
  ].join("\n");
}
