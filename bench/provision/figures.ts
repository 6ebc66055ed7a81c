/** From times to figures. Pure. */

/** What is timed: a fresh host, and again with nothing to do. */
export type Task = "fresh" | "no-op" | "check";

/** Seconds of one contender at one task, one per round. */
export interface Series {
  readonly contender: string;
  readonly task: Task;
  readonly seconds: readonly number[];
}

export interface Spread {
  readonly median: number;
  readonly minimum: number;
  readonly maximum: number;
}

/** Median with the smallest and largest value. Throws on an empty list. */
export function spread(values: readonly number[]): Spread {
  const ascending = [...values].sort((left, right) => left - right);
  const middle = ascending.length / 2;
  const low = ascending[Math.ceil(middle) - 1];
  const high = ascending[Math.floor(middle)];
  if (low === undefined || high === undefined) throw new Error("no round was measured");
  return { median: (low + high) / 2, minimum: ascending[0]!, maximum: ascending.at(-1)! };
}

/** One series in parts of another, round by round: both saw the same machine at the same time. */
export function pairedRatio(ours: Series, peer: Series): Spread {
  if (ours.seconds.length !== peer.seconds.length)
    throw new Error(`${ours.contender} has ${ours.seconds.length} rounds, ${peer.contender} ${peer.seconds.length}`);
  return spread(ours.seconds.map((seconds, round) => seconds / peer.seconds[round]!));
}

/** Lines that one snapshot has and the other lacks, each with the side that has it. */
export function differences(
  left: readonly string[],
  right: readonly string[],
): { line: string; side: "left" | "right" }[] {
  const [inLeft, inRight] = [new Set(left), new Set(right)];
  return [
    ...left.filter((line) => !inRight.has(line)).map((line) => ({ line, side: "left" as const })),
    ...right.filter((line) => !inLeft.has(line)).map((line) => ({ line, side: "right" as const })),
  ];
}
