import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

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
  while (!tryLock(lock)) {
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

function tryLock(lock: string): boolean {
  // The file appears with its content in one step (link), so nobody ever reads a lock without an owner.
  const mine = `${lock}.${process.pid}`;
  writeFileSync(mine, String(process.pid));
  try {
    linkSync(mine, lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    if (!ownerAlive(lock)) rmSync(lock, { force: true });
    return false;
  } finally {
    rmSync(mine, { force: true });
  }
}

function ownerAlive(lock: string): boolean {
  try {
    const owner = Number(readFileSync(lock, "utf8"));
    // The same process waiting for itself (two pieces that share a lock) counts as alive.
    process.kill(owner, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to somebody else. ENOENT: released since; the next attempt will tell.
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
