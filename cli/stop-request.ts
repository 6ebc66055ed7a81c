import { Interrupted } from "./failure";

/** Requests to stop: Ctrl-C, a supervisor's SIGTERM, a terminal that was closed. There is one for the whole process. */

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** A signal to the whole process group reaches this process twice, see toolchain/start.mjs. */
const REPEAT_MILLISECONDS = 300;

/** What is going on, for the message of a run that is stopped. */
export interface Stage {
  /** Goes on from "Interrupted while …". */
  doing: string;
  /** What that means for the host, one sentence. */
  consequence: string;
  wayOut: string;
}

interface Child {
  kill(signal: NodeJS.Signals): boolean;
}

let received = 0;
let pulumi: Child | undefined;

/**
 * Runs a verb's work; a request to stop ends it with a message made from `stage`, which the work keeps up to date.
 * While Pulumi runs, it is Pulumi that ends: it has heard the same request, and cleans up behind itself.
 * @throws Interrupted
 */
export async function stoppable<T>(stage: Stage, work: () => Promise<T>): Promise<T> {
  const interrupted = () => new Interrupted(`\nInterrupted while ${stage.doing}. ${stage.consequence}`, stage.wayOut);
  let stop: (reason: Interrupted) => void = () => undefined;
  const stopped = new Promise<never>((_, reject) => (stop = reject));
  const hear = (signal: NodeJS.Signals) => {
    received += 1;
    if (pulumi) passOn(signal);
    else stop(interrupted());
  };
  for (const signal of SIGNALS) process.on(signal, hear);
  try {
    const result = await Promise.race([work(), stopped]);
    if (received > 0) throw interrupted();
    return result;
  } catch (error) {
    // What was cut off in the middle complains about something else.
    throw received > 0 ? interrupted() : error;
  } finally {
    for (const signal of SIGNALS) process.off(signal, hear);
  }
}

/** Lets a Pulumi process end by itself when the run is asked to stop. */
export async function untilEnd<T>(child: Child, end: Promise<T>): Promise<T> {
  pulumi = child;
  try {
    return await end;
  } finally {
    pulumi = undefined;
  }
}

/** Whether somebody has asked the run to stop. */
export const isStopped = () => received > 0;

/** A second request would make Pulumi leave everything as it lies, so it must not get one that it had already. */
function passOn(signal: NodeJS.Signals): void {
  if (process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY) return;
  const before = received;
  if (before > 1) return;
  setTimeout(() => {
    // Alone, it was meant for the verb; else the group had it, Pulumi too.
    if (received === before) pulumi?.kill(signal === "SIGHUP" ? "SIGINT" : signal);
  }, REPEAT_MILLISECONDS);
}
