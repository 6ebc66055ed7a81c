import { existsSync, readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { stillRuns } from "../toolchain/processes";
import { backendFolder } from "./backend-folder";
import { CommandFailure } from "./failure";
import { clock } from "./run-lock";

/** Pulumi's own lock of a stack, as it lies in a file backend. Other backends keep theirs out of sight. */

const lockSchema = z.object({
  pid: z.number().int(),
  username: z.string(),
  hostname: z.string(),
  timestamp: z.coerce.date(),
});

/** Who took the lock, and when. */
export type BackendLock = z.output<typeof lockSchema>;

/** The locks on a stack; none where the backend is no folder. */
export function backendLocks(backendUrl: string | undefined, stack: string): BackendLock[] {
  const backend = backendFolder(backendUrl);
  if (backend === undefined) return [];
  const folder = join(backend, ".pulumi/locks/organization/tms-llm", stack);
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return files.map((name) => lockSchema.parse(JSON.parse(readFileSync(join(folder, name), "utf8"))));
}

/**
 * Which of the locks were left by processes that have ended.
 * @throws CommandFailure for a lock whose process runs, or may run on another machine: that one is never broken
 */
export function abandonedLocks(locks: readonly BackendLock[], stack: string): readonly BackendLock[] {
  for (const lock of locks) {
    const { pid, timestamp } = lock;
    if (lock.hostname !== hostname()) {
      throw new CommandFailure(
        `${stack} is locked by ${holder(lock)}. Whether that still runs cannot be told from here. Nothing was done.`,
        `wait until it has ended; if it was killed: source <(npm run -s env -- ${stack}), then pulumi cancel --stack ${stack}`,
      );
    }
    if (stillRuns(pid, timestamp)) {
      throw new CommandFailure(
        `Pulumi is at work on ${stack}: ${holder(lock)}. Nothing was done.`,
        "wait until it has ended, or stop it with Ctrl-C where it runs; then run this again",
      );
    }
  }
  return locks;
}

/** E.g. `pulumi, process 4711 of root on build-1, since 08:15:00`. */
export function holder({ pid, username, hostname: machine, timestamp }: BackendLock): string {
  return `pulumi, process ${pid} of ${username} on ${machine}, since ${clock(timestamp)}`;
}
