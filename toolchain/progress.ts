import type { Intent } from "./piece";

/** What is told while pieces are made. */
export interface Progress {
  /** Before anything is changed: the whole list. */
  announce(list: readonly Announced[]): void;
  step(piece: string, step: string): void;
  done(piece: string): void;
  /** Ends it, whatever came of it. */
  close(): void;
}

export interface Announced extends Intent {
  readonly name: string;
}

const HEARTBEAT_MS = 15_000;

interface Running {
  readonly about: number;
  /** Its first step; undefined while it waits for another piece. */
  since?: number;
  step: string;
}

/** Progress as plain lines: what, how far, how long so far. Repeats itself now and then, so that silence means trouble. */
export function lineProgress(write: (line: string) => void, now: () => number = Date.now): Progress {
  const running = new Map<string, Running>();
  let total = 0;
  let finished = 0;
  const elapsed = ({ since = now() }: Running) => formatSeconds((now() - since) / 1000);
  const heartbeat = setInterval(() => {
    for (const [name, piece] of running) {
      if (piece.since === undefined) continue;
      write(`  ${name}: still ${piece.step} (${elapsed(piece)} of about ${formatSeconds(piece.about)})`);
    }
  }, HEARTBEAT_MS);
  heartbeat.unref();

  return {
    announce(list) {
      total = list.length;
      for (const { name, seconds } of list) running.set(name, { about: seconds, step: "" });
      for (const line of announcement(list)) write(line);
    },
    step(name, step) {
      const piece = running.get(name);
      if (piece === undefined) return;
      piece.since ??= now();
      piece.step = step;
      write(`  ${name}: ${step} (${elapsed(piece)})`);
    },
    done(name) {
      const piece = running.get(name);
      if (piece === undefined) return;
      running.delete(name);
      finished += 1;
      write(`  ${name}: ready after ${elapsed(piece)} (${finished} of ${total})`);
    },
    close: () => clearInterval(heartbeat),
  };
}

/** The list as people read it before anything is installed. */
export function announcement(list: readonly Announced[]): string[] {
  const packages = [...new Set(list.flatMap((piece) => piece.packages ?? []))].sort();
  return [
    "Going to install on this machine:",
    ...list.map(({ name, how, seconds }) => `  - ${name}: ${how}, about ${formatSeconds(seconds)}`),
    ...(packages.length === 0 ? [] : [`  - Debian packages (apt-get install): ${packages.join(", ")}`]),
  ];
}

/** 75 → "1 min 15 s". */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  return whole % 60 === 0 ? `${whole / 60} min` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
