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
  };
}

interface TimedLine {
  readonly at: number;
  readonly text: string;
}

/** From the lines of the session. Pure. */
export function hostLoad(lines: readonly TimedLine[]): HostLoad {
  const rows = (kind: string) =>
    lines.flatMap(({ text }) => {
      const [word, ...values] = text.trim().split(/\s+/);
      return word === kind ? [values.map(Number)] : [];
    });
  const counters = rows("cpu");
  // The counters only grow; what counts is what each second added.
  const shares = counters.slice(1).flatMap(([busy = 0, idle = 0], index) => {
    const [formerBusy = 0, formerIdle = 0] = counters[index]!;
    const both = busy - formerBusy + idle - formerIdle;
    return both > 0 ? [(busy - formerBusy) / both] : [];
  });
  const gpus = rows("gpu");
  return {
    readings: counters.length,
    processors: spread(shares),
    memory: spread(rows("memory").map(([used = 0]) => used)),
    gpus: [...new Set(gpus.map(([index = 0]) => index))].map((index) => {
      const own = gpus.filter(([other]) => other === index);
      return {
        index,
        busy: spread(own.map(([, percent = 0]) => percent / 100))!,
        memory: spread(own.map(([, , mebibytes = 0]) => mebibytes * 2 ** 20))!,
      };
    }),
  };
}

function spread(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  return { mean: values.reduce((sum, value) => sum + value, 0) / values.length, highest: Math.max(...values) };
}
