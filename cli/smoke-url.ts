import { existsSync } from "node:fs";
import { stackSchema } from "../plan/config/schema";
import { smokeTargetSchema, type SmokeTarget } from "../smoke/target";
import { readGivenFile } from "./age";
import { UsageError } from "./failure";

/** An endpoint that is known by its address alone, as a client knows it. */
export interface UrlOptions {
  readonly url?: string;
  /** File with the API key. */
  readonly keyFile?: string;
  /** File with the certificate of the CA. */
  readonly ca?: string;
  readonly model?: string;
}

const WAY_OUT = "npm run smoke -- --url https://llm.internal --key-file tms.key [--ca ca.pem] [--model NAME]";

/** What is known of such an endpoint. Throws UsageError with every fault of the options at once. */
export function urlTarget({ url = "", keyFile, ca, model }: UrlOptions): SmokeTarget {
  const faults = [
    ...(keyFile === undefined
      ? ["--url needs --key-file with the file of an API key"]
      : missing("--key-file", keyFile)),
    ...(ca === undefined ? [] : missing("--ca", ca)),
  ];
  if (faults.length > 0) throw new UsageError(faults.join("\n"), WAY_OUT);
  const target = smokeTargetSchema.safeParse({
    schema: "tms-llm/smoke-target/v1",
    // What OpenAI's clients call the base URL ends in /v1.
    endpoint: url.replace(/\/v1\/?$/, ""),
    ...(ca === undefined ? {} : { caCertificate: readGivenFile(ca, "--ca").toString("utf8") }),
    clients: [{ name: "client", key: readGivenFile(keyFile!, "--key-file").toString("utf8").trim() }],
    models: model === undefined ? [] : [model],
    nativeApi: false,
    objectives: stackSchema.shape.objectives.parse({}),
  });
  if (target.success) return target.data;
  // The messages are of our own; zod's would be about a format that no user has written.
  const told: Readonly<Record<string, string>> = {
    endpoint: `--url is ${JSON.stringify(url)}; allowed is http:// or https:// with a host and no path but /v1`,
    clients: `--key-file ${keyFile!}: its content is too short for a key`,
  };
  const names = new Set(target.error.issues.map(({ path }) => String(path[0])));
  throw new UsageError([...names].map((name) => told[name] ?? name).join("\n"), WAY_OUT);
}

const missing = (option: string, file: string): string[] =>
  existsSync(file) ? [] : [`${option} ${file}: there is no such file`];
