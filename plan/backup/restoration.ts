import { withoutSalt, withSaltOf } from "../config/encryption-salt";
import { restoredCaFile } from "../context";
import { SpoiltBackup, type Backup, type BackupFiles } from "./archive";
import { authorityFault } from "./authority";
import { knownPaths, STATE, stackFile } from "./contents";
import { countResources, sameState } from "./state";

/** What a restore would do, judged before anything is written. */

/** @throws SpoiltBackup for files that a restore has no place for, and for missing ones */
export function checkContents({ stack, files }: Backup): void {
  const strange = Object.keys(files).filter((path) => !knownPaths(stack).includes(path));
  if (strange.length > 0) throw new SpoiltBackup(`holds ${strange.join(", ")}, for which this version has no place`);
  const missing = [STATE, stackFile(stack)].filter((path) => files[path] === undefined);
  if (missing.length > 0) throw new SpoiltBackup(`lacks ${missing.join(" and ")}`);
  const ca = files[restoredCaFile(stack)];
  const fault = ca === undefined ? undefined : authorityFault(ca);
  if (fault !== undefined) throw new SpoiltBackup(`holds a CA that ${fault}`);
}

/** What is here and not as in the backup, a line each. `present` has only what is here. */
export function overwritten({ stack, files }: Backup, present: BackupFiles): string[] {
  return Object.entries(files).flatMap(([path, text]) => {
    const here = present[path];
    if (here === undefined) return [];
    if (path === STATE) {
      const resources = countResources(here);
      return resources === 0 || sameState(here, text)
        ? []
        : [
            `Pulumi's state of ${stack}, with its API keys: ${resources} resources here, ${countResources(text)} in the backup`,
          ];
    }
    const same = path === stackFile(stack) ? withoutSalt(here) === withoutSalt(text) : here === text;
    return same ? [] : [path];
  });
}

/** The text that a restore writes: the salt in a stack file belongs to the passphrase that is used here. */
export const restoredText = (path: string, text: string, here = "") =>
  /^Pulumi\..+\.yaml$/.test(path) ? withSaltOf(text, here) : text;
