import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../../toolchain/command";
import { Client } from "../../smoke/client";
import { figures } from "../load/figures";
import { Allowance } from "../load/schedule";
import { runStage, type Stage } from "../load/stage";
import type { Peer } from "../python-environment";
import { generator, quantile } from "../statistics";
import { times } from "../load/samples";
import { aiperfFigures, guidellmFigures, type ToolFigures } from "./figures";

/** The tools that measure the same: each is given a server, prompts and a load, and says what it found. */

export interface Assignment {
  /** URL of the server, without a path. */
  readonly url: string;
  readonly model: string;
  readonly prompts: readonly string[];
  /** Tokens of each answer. */
  readonly tokens: number;
  readonly concurrency: number;
  readonly requests: number;
  /** Requests before them that don't count. */
  readonly warmUp: number;
  /** Empty folder for what a tool reads and writes. */
  readonly folder: string;
}

export interface Tool {
  readonly name: string;
  measure(assignment: Assignment): Promise<ToolFigures>;
}

const lockFile = (folder: string) => join(__dirname, folder, "requirements.txt");
export const GUIDELLM: Peer = { name: "guidellm", lockFile: lockFile("guidellm") };
export const AIPERF: Peer = { name: "aiperf", lockFile: lockFile("aiperf") };

const TIMEOUT_SECONDS = 300;

export const ours: Tool = {
  name: "tms-llm",
  async measure({ url, model, prompts, tokens, concurrency, requests, warmUp }) {
    const client = new Client({ endpoint: url, clients: [{ name: "bench", key: "of the relay" }] }, concurrency);
    let asked = 0;
    const stage: Stage = {
      load: { kind: "closed", concurrency },
      requests,
      body: (number) => ({
        ...{ model, max_tokens: tokens, temperature: 0, seed: 1 },
        messages: [{ role: "user", content: prompts[number % prompts.length]! }],
      }),
      timeoutMilliseconds: TIMEOUT_SECONDS * 1000,
    };
    const tools = {
      ...{ client, random: generator(1), nextNumber: () => asked++ },
      allowance: new Allowance({ requestsPerMinute: Infinity, burst: Infinity }),
    };
    try {
      await runStage({ ...stage, requests: warmUp }, tools);
      asked = 0;
      const { samples, milliseconds } = await runStage(stage, tools);
      const { ttft, itl } = times(samples);
      const { failed } = { failed: samples.length - figures(samples, milliseconds, { ttft: 1, total: 1 }).succeeded };
      const both = (values: readonly number[]) => ({ p50: quantile(values, 0.5), p95: quantile(values, 0.95) });
      return { requests: samples.length, failed, ttft: both(ttft), itl: both(itl) };
    } finally {
      await client.close();
    }
  },
};

/** @param bin the executables of its environment */
export const guidellm = (bin: string, name: string): Tool => ({
  name,
  async measure({ url, model, prompts, tokens, concurrency, requests, warmUp, folder }) {
    const [data, output] = [join(folder, "prompts.jsonl"), join(folder, "guidellm.json")];
    // It takes each row once, so the warm-up and every repetition have rows of their own.
    const rows = Array.from(
      { length: warmUp + requests },
      (_, row) => prompts[(row + prompts.length - (warmUp % prompts.length)) % prompts.length]!,
    );
    writeRows(
      data,
      rows.map((prompt) => ({ prompt, output_tokens_count: tokens })),
    );
    await runCommand(
      join(bin, "python"),
      [
        ...["-m", "guidellm", "run", "--disable-console"],
        ...["--backend", `kind=openai_http,target=${url},model=${model}`],
        ...["--data", `kind=json_file,path=${data}`],
        ...["--profile", `kind=concurrent,streams=${concurrency},warmup=${warmUp}`],
        ...["--constraint", `kind=max_requests,count=${warmUp + requests}`],
        ...["--output", `kind=json,path=${output}`],
      ],
      options(name),
    );
    return guidellmFigures(readJson(output));
  },
});

/** @param tokenizer folder in Hugging Face's format; the server's own count of tokens is what counts */
export const aiperf = (bin: string, name: string, tokenizer: string): Tool => ({
  name,
  async measure({ url, model, prompts, tokens, concurrency, requests, warmUp, folder }) {
    const [data, output] = [join(folder, "prompts.jsonl"), join(folder, "aiperf")];
    writeRows(
      data,
      prompts.map((text) => ({ text })),
    );
    await runCommand(
      join(bin, "python"),
      [
        ...["-m", "aiperf", "profile", "--ui", "none", "--model", model, "--url", url],
        ...["--endpoint-type", "chat", "--streaming", "--use-server-token-count", "--tokenizer", tokenizer],
        ...["--input-file", data, "--custom-dataset-type", "single_turn", "--dataset-sampling-strategy", "sequential"],
        ...["--extra-inputs", `max_tokens:${tokens}`],
        ...["--concurrency", String(concurrency), "--request-count", String(requests)],
        ...["--warmup-request-count", String(warmUp), "--artifact-dir", output],
      ],
      options(name),
    );
    return aiperfFigures(readJson(join(output, "profile_export_aiperf.json")));
  },
});

const options = (name: string) => ({
  log: "bench-agreement",
  failure: `${name} did not finish its measurement.`,
  wayOut: "Read its last lines.",
  timeoutSeconds: TIMEOUT_SECONDS,
});

function writeRows(file: string, rows: readonly object[]): void {
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
}

const readJson = (file: string): unknown => JSON.parse(readFileSync(file, "utf8"));
