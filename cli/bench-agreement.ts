import { renderReport } from "../bench/agreement/report";
import { compareTools, OURS, type Deployed } from "../bench/agreement/run";
import { tinyModelArchive } from "../toolchain/tiny-model-file";
import { EXIT, UsageError, type ExitCode } from "./failure";
import { endpointOutputs } from "./outputs";
import { prepare } from "./prepare";
import { readConfig, readProject } from "./project";
import { writeReport } from "./report-file";

export interface BenchAgreementOptions {
  readonly rounds?: string;
  /** A deployed stack whose endpoint is measured too. */
  readonly stack?: string;
}

const MOST_ROUNDS = 20;
/** Four clients of a quick model ask more often than this; slower, the gateway's limit would be measured. */
const LEAST_REQUESTS_PER_MINUTE = 60_000;

/** Compares our measurements with GuideLLM's and AIPerf's; writes the figures to `reports/bench-agreement.json`. */
export async function benchAgreement({ rounds: text = "3", stack }: BenchAgreementOptions): Promise<ExitCode> {
  const rounds = Number(text);
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > MOST_ROUNDS)
    throw new UsageError(
      `--rounds is ${text}; allowed is a whole number from 1 to ${MOST_ROUNDS}`,
      "npm run bench:agreement -- --rounds 3",
    );
  const deployed = stack === undefined ? undefined : await deployedEndpoint(stack);
  const say = (line: string) => console.error(line);
  const tokenizer = (await tinyModelArchive.find()) ?? (await tinyModelArchive.make(() => undefined));
  const report = await compareTools(rounds, deployed, tokenizer.path, say);
  const file = "reports/bench-agreement.json";
  writeReport(file, `${JSON.stringify(report, null, 2)}\n`);
  console.log(`${renderReport(report, OURS)}\nAll figures: ${file}`);
  return EXIT.good;
}

async function deployedEndpoint(stack: string): Promise<Deployed> {
  const config = readConfig(stack);
  const { gateway, models } = config;
  if (gateway.tls.mode === "off" || gateway.rateLimit.requestsPerMinute < LEAST_REQUESTS_PER_MINUTE)
    throw new UsageError(
      `${stack} lets ${gateway.rateLimit.requestsPerMinute} requests a minute in, with TLS ${gateway.tls.mode}; the comparison needs TLS and at least ${LEAST_REQUESTS_PER_MINUTE}`,
      "raise gateway.rateLimit of a sandbox's stack file and run up; or leave --stack out",
    );
  const { pulumi } = await prepare(stack, config);
  const { apiKeys, caCertificate } = await endpointOutputs(pulumi, stack);
  const { plan } = readProject(stack);
  return {
    name: `${stack}: ${config.engine.kind} ${config.engine.version} behind its gateway`,
    model: models[0]!.name,
    relay: {
      ...{ endpoint: plan.gatewayUrl, key: Object.values(apiKeys)[0]!, serverName: gateway.serverName },
      ...(caCertificate === undefined ? {} : { caCertificate }),
    },
  };
}
