import type { BenchHost } from "./host";
import type { Task } from "./figures";

/** A way to do the host work. A task that does not succeed rejects, and the benchmark ends without figures. */
export interface Contender {
  /** With its version: "pyinfra 3.10.0". */
  readonly name: string;
  /** What is not timed: an empty state, an inventory. */
  prepare(host: BenchHost, folder: string): Promise<Prepared>;
}

/** What is timed, each a command of its own from start to end. `fresh` runs first. */
export type Prepared = Readonly<
  Partial<Record<Task, () => Promise<void>>> & Record<"fresh" | "no-op", () => Promise<void>>
>;
