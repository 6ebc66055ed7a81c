import type { StackConfig } from "../../plan/config/schema";
import { UsageError } from "../../cli/failure";
import type { BenchSettings } from "./run";
import { allowedPerSecond, type Arrivals, type Load } from "./schedule";

/** The command line's options as settings; all its faults at once. Pure. */

export interface BenchOptions {
  readonly concurrency?: string;
  readonly rate?: string;
  readonly arrivals?: string;
  readonly requests?: string;
  readonly tokens?: string;
  readonly model?: readonly string[];
  readonly coldStart?: boolean;
  readonly seed?: string;
}

const LIMITS = { concurrency: [1, 256], requests: [1, 10_000], tokens: [1, 8192], seed: [0, 2 ** 31] } as const;
const DEFAULTS = { concurrency: "1,5,10", requests: "60", tokens: "128", arrivals: "poisson", seed: "1" } as const;

/** @throws UsageError with every fault of the options */
export function benchSettings(config: StackConfig, stack: string, options: BenchOptions): BenchSettings {
  const { models, gateway } = config;
  const faults: string[] = [];
  const whole = (name: keyof typeof LIMITS, text: string): number => {
    const [least, most] = LIMITS[name];
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      faults.push(`--${name} ${text}: allowed is a whole number from ${least} to ${most}`);
    return value;
  };
  const arrivals = options.arrivals ?? DEFAULTS.arrivals;
  if (arrivals !== "fixed" && arrivals !== "poisson")
    faults.push(`--arrivals ${arrivals}: allowed are fixed and poisson`);
  if (options.arrivals !== undefined && options.rate === undefined) faults.push("--arrivals belongs to --rate");
  const allowed = allowedPerSecond(gateway.rateLimit);
  const open = options.rate?.split(",").map((text): Load => {
    const perSecond = Number(text);
    if (!(perSecond > 0 && perSecond <= allowed))
      faults.push(
        `--rate ${text}: allowed is above 0 and, for gateway.rateLimit refuses more than ${gateway.rateLimit.requestsPerMinute} a minute, at most ${allowed.toFixed(1)}`,
      );
    return { kind: "open", perSecond, arrivals: arrivals as Arrivals };
  });
  const closed = (options.concurrency ?? (open ? "" : DEFAULTS.concurrency))
    .split(",")
    .filter((text) => text !== "")
    .map((text): Load => ({ kind: "closed", concurrency: whole("concurrency", text) }));
  const names = models.map(({ name }) => name);
  const unknown = options.model?.filter((name) => !names.includes(name)) ?? [];
  if (unknown.length > 0) faults.push(`--model ${unknown.join(", ")}: the stack has ${names.join(", ")}`);
  const settings = {
    models: options.model ?? names,
    loads: [...closed, ...(open ?? [])],
    requests: whole("requests", options.requests ?? DEFAULTS.requests),
    tokens: whole("tokens", options.tokens ?? DEFAULTS.tokens),
    coldStart: options.coldStart ?? false,
    seed: whole("seed", options.seed ?? DEFAULTS.seed),
  };
  if (faults.length > 0) throw new UsageError(faults.join("\n"), `npm run bench -- ${stack} --concurrency 1,5,10`);
  return settings;
}
