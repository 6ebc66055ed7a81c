import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stillRuns } from "./processes";

/**
 * Makes `target` (a file or folder) at most once per machine: in a temporary folder beside it, moved into place when it is
 * whole. A second process that wants the same waits for the first. A build that was killed leaves nothing that counts.
 *
 * @param build makes the thing at the path that it is given
 */
export async function makeOnce(
  target: string,
  build: (path: string) => Promise<void>,
  waiting: () => void,
): Promise<void> {
  mkdirSync(dirname(target), { recursive: true });
  await withLock(`${target}.lock`, waiting, async () => {
    if (existsSync(target)) return;
    removeRuins(target);
    const workshop = mkdtempSync(join(dirname(target), `.${basename(target)}-`));
    try {
      const made = join(workshop, basename(target));
      await build(made);
      // Two processes can both take over the lock of a dead one; then the first to finish wins.
      if (!existsSync(target)) renameSync(made, target);
    } finally {
      rmSync(workshop, { recursive: true, force: true });
    }
  });
}

/** What killed builds have left: whoever holds the lock is the only builder. */
function removeRuins(target: string): void {
  const ruins = readdirSync(dirname(target)).filter((name) => name.startsWith(`.${basename(target)}-`));
  for (const name of ruins) rmSync(join(dirname(target), name), { recursive: true, force: true });
}

/** Runs `work` while holding a lock file that names this process; the lock of a dead process is taken over. */
export async function withLock<T>(lock: string, waiting: () => void, work: () => Promise<T>): Promise<T> {
  let told = false;
  while (takeLock(lock) !== undefined) {
    if (!told) waiting();
    told = true;
    await sleep(200);
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

/** Who holds a lock. */
export interface LockHolder {
  readonly pid: number;
  readonly since: Date;
  /** What it said about itself. */
  readonly note: string;
}

/** Takes the lock for this process, or says who holds it. The lock of a process that has ended counts for nothing. */
export function takeLock(lock: string, note = ""): LockHolder | undefined {
  // The file appears with its content in one step (link), so nobody ever reads a lock without an owner.
  const mine = `${lock}.${process.pid}`;
  writeFileSync(mine, `${process.pid} ${note}`);
  try {
    for (;;) {
      try {
        linkSync(mine, lock);
        return undefined;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
      const holder = holderOf(lock);
      if (holder !== undefined && stillRuns(holder.pid, holder.since)) return holder;
      rmSync(lock, { force: true });
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

/** Undefined where the lock was released since, or names nobody. */
function holderOf(lock: string): LockHolder | undefined {
  try {
    const [, pid, note] = /^(\d+) ?(.*)/.exec(readFileSync(lock, "utf8")) ?? [];
    return pid === undefined ? undefined : { pid: Number(pid), since: statSync(lock).mtime, note: note! };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
