import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { withoutSalt } from "../plan/config/encryption-salt";

/**
 * Takes the salt that Pulumi puts into a stack file out again. Where the passphrase is this clone's own, so is the salt: the
 * state has it too, and a committed one would lock every other clone out.
 */
export function forgetSalt(stackFile: string): void {
  if (!existsSync(stackFile)) return;
  const text = readFileSync(stackFile, "utf8");
  const clean = withoutSalt(text);
  if (clean !== text) writeFileSync(stackFile, clean);
}
