import { readFileSync } from "node:fs";
import { UsageError } from "./failure";

/** Encryption of backups with age: by a passphrase, or for the holders of keys. */

const loadAge = () => import("age-encryption");

/** `passphrase`, or public keys (`age1…`) of those who may open it. */
export type Seal = { readonly passphrase: string } | { readonly recipients: readonly string[] };
/** `passphrase`, or the file of a private key (`AGE-SECRET-KEY-1…`). */
export type Opener = { readonly passphrase: string } | { readonly identityFile: string };

/** @throws UsageError for what is no public key of age */
export async function encrypt(content: Uint8Array, seal: Seal): Promise<Uint8Array> {
  const { Encrypter } = await loadAge();
  const encrypter = new Encrypter();
  if ("passphrase" in seal) encrypter.setPassphrase(seal.passphrase);
  else for (const recipient of seal.recipients) addRecipient(encrypter, recipient);
  return encrypter.encrypt(content);
}

function addRecipient(encrypter: { addRecipient(key: string): void }, recipient: string): void {
  // A private key must not even be repeated in a message.
  const fault = recipient.startsWith("AGE-SECRET-KEY-")
    ? "--recipient is a private key, which others can now read in this machine's process list; make a new one"
    : `--recipient is ${recipient}, which is no public key of age`;
  try {
    encrypter.addRecipient(recipient);
  } catch {
    throw new UsageError(fault, "age-keygen prints a new pair: the public key begins with age1");
  }
}

/** What opens a file of age; undefined for any other file. */
export function openedBy(content: Uint8Array): "passphrase" | "identity" | undefined {
  const [version, stanza = ""] = Buffer.from(content.subarray(0, 200)).toString("latin1").split("\n");
  if (version !== "age-encryption.org/v1") return undefined;
  return stanza.startsWith("-> scrypt ") ? "passphrase" : "identity";
}

/** @throws UsageError for a wrong key, and for content that was cut or changed; `file` names it in messages */
export async function decrypt(content: Uint8Array, opener: Opener, file: string): Promise<Uint8Array> {
  const { Decrypter } = await loadAge();
  const decrypter = new Decrypter();
  if ("passphrase" in opener) decrypter.addPassphrase(opener.passphrase);
  else for (const identity of identities(opener.identityFile)) decrypter.addIdentity(identity);
  try {
    return await decrypter.decrypt(content);
  } catch (error) {
    const key = "passphrase" in opener ? "passphrase" : `key in ${opener.identityFile}`;
    throw error instanceof Error && /no identity matched/.test(error.message)
      ? new UsageError(
          `The ${key} does not open ${file}. Nothing was changed.`,
          "run the command again with the right one",
        )
      : new UsageError(
          `${file} is damaged: it was cut off or changed after it was made. Nothing was changed.`,
          "take another copy of it, or an older backup",
        );
  }
}

function identities(file: string): string[] {
  const lines = readGivenFile(file, "--identity").toString("utf8").split(/\r?\n/);
  const found = lines.filter((line) => line.startsWith("AGE-SECRET-KEY-"));
  if (found.length === 0)
    throw new UsageError(
      `--identity is ${file}, which holds no private key of age`,
      "a line of it begins with AGE-SECRET-KEY-; a key that is itself encrypted has to be decrypted first",
    );
  return found;
}

/** A file that an option names. @throws UsageError where it cannot be read */
export function readGivenFile(file: string, option: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(
      `${option} is ${file}, which ${code === "ENOENT" ? "does not exist" : `cannot be read (${code ?? "?"})`}`,
      "correct the path, which is relative to the project's folder",
    );
  }
}
