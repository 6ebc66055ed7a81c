import { readdirSync, readFileSync } from "node:fs";

/** The process list, looked at again and again: command lines and environments, on this machine and in its containers. */

const PERIOD_MILLISECONDS = 100;

export class ProcessSamples {
  private readonly texts = new Set<string>();
  private readonly timer: NodeJS.Timeout;
  /** How often the list was read. */
  rounds = 0;

  private constructor() {
    this.timer = setInterval(() => this.look(), PERIOD_MILLISECONDS);
  }

  static start(): ProcessSamples {
    return new ProcessSamples();
  }

  stop(): this {
    clearInterval(this.timer);
    return this;
  }

  /** Command lines and environments in which the text was seen. */
  having(text: string): string[] {
    return [...this.texts].filter((sample) => sample.includes(text));
  }

  // The machine's list holds the processes of its containers too.
  private look(): void {
    this.rounds += 1;
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      for (const part of ["cmdline", "environ"]) this.keep(`/proc/${pid}/${part}`);
    }
  }

  private keep(path: string): void {
    try {
      this.texts.add(readFileSync(path, "utf8"));
    } catch (error) {
      // A process that has just ended (ENOENT, ESRCH), or one of another user.
      if (!["ENOENT", "ESRCH", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }
}
