/** Time that work in progress gets to end what it started before the plugin goes, milliseconds. */
const LAST_WORDS_MS = 2500;
/** How often the plugin looks whether its engine is still there, milliseconds. */
const ENGINE_POLL_MS = 500;

/** When a plugin's work stops and when its process ends. */
export class Lifetime {
  private readonly controller = new AbortController();
  private readonly running = new Set<Promise<unknown>>();

  /** Aborted when the work in progress must stop. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Counts a call as work in progress until it settles. */
  track<T>(work: Promise<T>): Promise<T> {
    this.running.add(work);
    const done = (): void => void this.running.delete(work);
    work.then(done, done);
    return work;
  }

  /** Stops the work in progress; the process stays, for the engine still asks. */
  cancel(): void {
    this.controller.abort();
  }

  /** Ends the process with its engine: on its signals, and when the engine has gone without sending any. */
  followEngine(): void {
    process.on("SIGTERM", () => void this.end());
    process.on("SIGINT", () => void this.end());
    const engine = process.ppid;
    setInterval(() => {
      if (process.ppid !== engine) void this.end();
    }, ENGINE_POLL_MS).unref();
  }

  private async end(): Promise<void> {
    this.cancel();
    const lastWords = new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS));
    await Promise.race([Promise.allSettled(this.running), lastWords]);
    process.exit(0);
  }
}
