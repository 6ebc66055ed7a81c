import { renderReport } from "../bench/ttft/report";
import { measureTtft } from "../bench/ttft/run";
import { EXIT, UsageError, type ExitCode } from "./failure";
import { endpointOutputs } from "./outputs";
import { prepare } from "./prepare";
import { readConfig, readProject } from "./project";
import { writeReport } from "./report-file";

export interface BenchTtftOptions {
  readonly rounds?: string;
  readonly seed?: string;
}

const ROUNDS = { fewest: 50, most: 5000 } as const;

/** Measures what the gateway adds to the time to first token; writes the figures to `reports/bench-ttft.json`. */
export async function benchTtft(stack: string, options: BenchTtftOptions): Promise<ExitCode> {
  const rounds = Number(options.rounds ?? "400");
  const seed = Number(options.seed ?? "1");
  const { fewest, most } = ROUNDS;
  if (!Number.isInteger(rounds) || rounds < fewest || rounds > most || !Number.isInteger(seed))
    throw new UsageError(
      `--rounds ${options.rounds ?? rounds}, --seed ${options.seed ?? seed}; allowed are ${fewest} to ${most} rounds and a whole number as seed`,
      `npm run bench:ttft -- ${stack} --rounds 400`,
    );
  const config = readConfig(stack);
  if (config.target.kind !== "sandbox")
    throw new UsageError(
      `${stack} is an existing host; the benchmark starts a second nginx on the host, so it runs on sandboxes only`,
      "npm run bench:ttft -- dev",
    );
  const { pulumi } = await prepare(stack, config);
  const { apiKeys } = await endpointOutputs(pulumi, stack);
  console.error(`${rounds} rounds on the host of ${stack}`);
  const report = await measureTtft(readProject(stack), Object.values(apiKeys)[0]!, { rounds, seed });
  const file = "reports/bench-ttft.json";
  writeReport(file, `${JSON.stringify(report, null, 2)}\n`);
  console.log(`${renderReport(report)}\nAll figures: ${file}`);
  return EXIT.good;
}
