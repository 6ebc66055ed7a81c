import { existsSync, readFileSync } from "node:fs";

/** Whether a process that once wrote its id down still runs. */

/** Linux counts start times in hundredths of a second on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;
/** The system's clock may have been set since. */
const CLOCK_SLACK_MILLISECONDS = 60_000;

/**
 * Whether the process that had this id at that moment still runs. A zombie does not; nor does a later process to which the
 * system gave the same id. In doubt: yes.
 */
export function stillRuns(pid: number, at: Date): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  const found = look(pid);
  if (found === undefined) return true;
  return found.state !== "Z" && found.started.getTime() <= at.getTime() + CLOCK_SLACK_MILLISECONDS;
}

/** State letter and start time, where the system tells them in `/proc`. */
function look(pid: number): { state: string; started: Date } | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name stands in parentheses and may hold anything, further parentheses too.
    const [state, ...rest] = fields.slice(fields.lastIndexOf(")") + 2).split(" ");
    const boot = Number(/^btime (\d+)$/m.exec(readFileSync("/proc/stat", "utf8"))?.[1]);
    const seconds = boot + Number(rest[18]) / TICKS_PER_SECOND;
    return state === undefined || Number.isNaN(seconds) ? undefined : { state, started: new Date(seconds * 1000) };
  } catch {
    // Another system than Linux has no such file; on Linux the process has just ended.
    return existsSync("/proc/self/stat") ? { state: "Z", started: new Date(0) } : undefined;
  }
}
