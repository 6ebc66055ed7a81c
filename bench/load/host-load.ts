import { z } from "zod";
import { runOverSsh, type SshAddress } from "../../cli/ssh";

/** What the host was busy with while it was asked: one SSH session that prints a few lines a second. */

const spreadSchema = z.strictObject({ mean: z.number(), highest: z.number() });

export const hostLoadSchema = z.strictObject({
  /** Seconds between two readings are one; so many there were. */
  readings: z.number().int(),
  /** Part of all processors that was busy, 0 to 1; of the whole machine, also where the host is a container. */
  processors: spreadSchema.nullable(),
  /** Bytes in use. */
  memory: spreadSchema.nullable(),
  gpus: z.array(
    z.strictObject({
      index: z.number().int(),
      /** Part of the time in which a kernel ran, 0 to 1. */
      busy: spreadSchema,
      /** Bytes in use. */
      memory: spreadSchema,
    }),
  ),
});
export type HostLoad = z.output<typeof hostLoadSchema>;

/** What was read at one moment. */
export const readingSchema = z.strictObject({
  /** Milliseconds after the beginning of the run. */
  at: z.number(),
  /** Part of all processors that was busy since the reading before it, 0 to 1; null where there is none before it. */
  processors: z.number().nullable(),
  /** Bytes in use. */
  memory: z.number().nullable(),
  gpus: z.array(z.strictObject({ index: z.number().int(), busy: z.number(), memory: z.number() })),
});
export type Reading = z.output<typeof readingSchema>;
type Spread = z.output<typeof spreadSchema>;

const SCRIPT = `while :; do
  read -r _ user nice system idle iowait irq softirq steal _ </proc/stat
  echo "cpu $((user + nice + system + irq + softirq + steal)) $((idle + iowait))"
  awk '/^MemTotal:/ { total = $2 } /^MemAvailable:/ { print "memory", (total - $2) * 1024 }' /proc/meminfo
  if command -v nvidia-smi >/dev/null; then
    nvidia-smi --query-gpu=index,utilization.gpu,memory.used --format=csv,noheader,nounits | sed 's/,//g; s/^/gpu /'
  fi
  sleep 1
done`;

/** A reading that goes on until it is asked for. */
export interface Watch {
  /** Ends the session. @returns what was read in [from, until], on this process's clock */
  stop(): Promise<void>;
  between(from: number, until: number): HostLoad;
  /** All of them, timed from `began` on this process's clock. */
  readings(began: number): Reading[];
}

/** Starts to read; a host without these files has no readings. */
export function watchHost(address: SshAddress): Watch {
  const lines: TimedLine[] = [];
  const over = new AbortController();
  const session = runOverSsh(address, `bash -c '${SCRIPT.replaceAll("'", `'\\''`)}'`, {
    onLine: (text) => lines.push({ at: performance.now(), text }),
    signal: over.signal,
  }).catch(() => undefined);
  return {
    stop: async () => {
      over.abort();
      await session;
    },
    between: (from, until) => hostLoad(lines.filter(({ at }) => at >= from && at <= until)),
    readings: (began) => hostReadings(lines).map((reading) => ({ ...reading, at: reading.at - began })),
  };
}

interface TimedLine {
  readonly at: number;
  readonly text: string;
}

/** From the lines of the session, in which the processors begin a reading. Pure. */
export function hostReadings(lines: readonly TimedLine[]): Reading[] {
  const readings: Reading[] = [];
  let former: { readonly busy: number; readonly idle: number } | undefined;
  for (const { at, text } of lines) {
    const [word, ...values] = text.trim().split(/\s+/);
    const [first = 0, second = 0, third = 0] = values.map(Number);
    if (word === "cpu" || readings.length === 0) readings.push({ at, processors: null, memory: null, gpus: [] });
    const reading = readings.at(-1)!;
    if (word === "cpu") {
      // The counters only grow; what counts is what each second added.
      const [busy, idle] = former ? [first - former.busy, second - former.idle] : [0, 0];
      if (busy + idle > 0) reading.processors = busy / (busy + idle);
      former = { busy: first, idle: second };
    }
    if (word === "memory") reading.memory = first;
    if (word === "gpu") reading.gpus.push({ index: first, busy: second / 100, memory: third * 2 ** 20 });
  }
  return readings;
}

/** What the readings come to. Pure. */
export function hostLoad(lines: readonly TimedLine[]): HostLoad {
  const readings = hostReadings(lines);
  const gpus = readings.flatMap((reading) => reading.gpus);
  const known = (values: readonly (number | null)[]) => spread(values.filter((value) => value !== null));
  return {
    readings: readings.length,
    processors: known(readings.map(({ processors }) => processors)),
    memory: known(readings.map(({ memory }) => memory)),
    gpus: [...new Set(gpus.map(({ index }) => index))].map((index) => {
      const own = gpus.filter((gpu) => gpu.index === index);
      return {
        index,
        busy: spread(own.map(({ busy }) => busy))!,
        memory: spread(own.map(({ memory }) => memory))!,
      };
    }),
  };
}

function spread(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  return { mean: values.reduce((sum, value) => sum + value, 0) / values.length, highest: Math.max(...values) };
}
