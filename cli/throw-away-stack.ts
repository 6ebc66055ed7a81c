import { randomBytes } from "node:crypto";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { bareStackFile } from "../plan/config/stack-file-bare";
import { PROJECT } from "./project";
import { Pulumi } from "./pulumi";
import { stackFileText } from "./stack-file";

/**
 * Lends `work` an empty stack of this name, with a passphrase of its own, in a folder that goes again: neither the operator's
 * backend nor the stack file is written to, and nobody is asked for the passphrase.
 *
 * @param work gets the options by which Pulumi reads the configuration
 */
export async function withThrowAwayStack<T>(
  stack: string,
  environment: Readonly<Record<string, string>>,
  work: (pulumi: Pulumi, options: readonly string[]) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "tms-llm-preview-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  // A run that is stopped does not come back from its work.
  process.once("exit", remove);
  try {
    const [stackFile, backend] = [join(folder, `Pulumi.${stack}.yaml`), join(folder, "state")];
    mkdirSync(backend);
    // Pulumi writes the salt of the passphrase into the stack file of the folder in which it makes the stack.
    copyFileSync(join(PROJECT, "Pulumi.yaml"), join(folder, "Pulumi.yaml"));
    writeFileSync(stackFile, bareStackFile(stackFileText(stack)));
    const pulumi = new Pulumi(stack, {
      ...withoutPassphraseFile(environment),
      PULUMI_BACKEND_URL: pathToFileURL(backend).href,
      PULUMI_CONFIG_PASSPHRASE: randomBytes(24).toString("base64url"),
    });
    await pulumi.makeStack(folder);
    return await work(pulumi, ["--config-file", stackFile]);
  } finally {
    remove();
    process.off("exit", remove);
  }
}

/** By that of a sandbox, {@link Pulumi} would take the stack file for one that it may write to. */
const withoutPassphraseFile = (environment: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => name !== "PULUMI_CONFIG_PASSPHRASE_FILE"));
