import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** Processes of this machine that work in or for a folder. */

const GRACE_MILLISECONDS = 2000;

/** Their command lines. */
function processesOf(folder: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
        const inside = readlinkSync(`/proc/${pid}/cwd`).startsWith(folder) || command.includes(folder);
        return inside ? [command] : [];
      } catch {
        return []; // It has ended meanwhile.
      }
    });
}

/** What still runs; processes that are about to end are given a moment. */
export async function leftRunning(folder: string): Promise<string[]> {
  const deadline = Date.now() + GRACE_MILLISECONDS;
  let found = processesOf(folder);
  while (found.length > 0 && Date.now() < deadline) {
    await sleep(50);
    found = processesOf(folder);
  }
  return found;
}
