import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { STATE_FOLDER } from "../plan/context";
import { writePrivate } from "../toolchain/private-files";
import { CommandFailure } from "./failure";
import { PROJECT } from "./project";

/** Stands while a restore writes: half of a backup would be deployed with new keys, and the clients would be locked out. */
const marker = (stack: string) => join(PROJECT, STATE_FOLDER, stack, "restore-unfinished");

export async function markedAsUnfinished(stack: string, from: string, write: () => Promise<void>): Promise<void> {
  writePrivate(marker(stack), `${from}\n`);
  await write();
  rmSync(marker(stack));
}

/** @throws CommandFailure where a restore of the stack was broken off */
export function refuseHalfRestored(stack: string): void {
  if (!existsSync(marker(stack))) return;
  const from = readFileSync(marker(stack), "utf8").trim();
  throw new CommandFailure(
    `A restore of ${stack} did not come to its end, so part of the backup is missing here. Nothing was done.`,
    `npm run restore -- ${stack} --from ${from} again; it can be repeated`,
  );
}
