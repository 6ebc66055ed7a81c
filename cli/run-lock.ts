import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { STATE_FOLDER } from "../plan/context";
import { takeLock } from "../toolchain/once";
import { CommandFailure } from "./failure";
import { PROJECT } from "./project";

/** Keeps two verbs of this clone from changing one stack at the same time. @throws CommandFailure naming the other one */
export async function alone<T>(stack: string, verb: string, work: () => Promise<T>): Promise<T> {
  const folder = join(PROJECT, STATE_FOLDER, stack);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = join(folder, "run.lock");
  const other = takeLock(lock, verb);
  if (other !== undefined) {
    throw new CommandFailure(
      `Another run is at work on ${stack}: npm run ${other.note}, process ${other.pid} on this machine, since ${clock(other.since)}. Nothing was done.`,
      "wait until it has ended, or stop it with Ctrl-C where it runs; then run this again",
    );
  }
  const release = () => rmSync(lock, { force: true });
  // A run that is stopped does not come back from its work.
  process.once("exit", release);
  try {
    return await work();
  } finally {
    release();
    process.off("exit", release);
  }
}

/** Hours, minutes and seconds, as the operator's own clock shows them. */
export const clock = (moment: Date) => moment.toTimeString().slice(0, 8);
