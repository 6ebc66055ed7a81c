import { readFileSync, writeFileSync } from "node:fs";

const SALT_LINE = /^encryptionsalt:.*\n?/m;

/**
 * Takes the salt that Pulumi puts into a stack file out again. Where the passphrase is this clone's own, so is the salt: the
 * state has it too, and a committed one would lock every other clone out.
 */
export function forgetSalt(stackFile: string): void {
  const text = readFileSync(stackFile, "utf8");
  if (SALT_LINE.test(text)) writeFileSync(stackFile, text.replace(SALT_LINE, ""));
}
