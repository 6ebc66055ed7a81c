import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { request } from "undici";
import { z } from "zod";
import { CommandFailure, EXIT } from "../../cli/failure";
import { runCommand } from "../../toolchain/command";
import { peerEnvironment, peerVersion } from "../python-environment";
import { quantile } from "../statistics";
import { prompts } from "./pace";
import { MODEL, servedSchema } from "./paced-server";
import { makeReport, type AgreementReport, type ServerRun, type Times, type Turn } from "./report";
import { startServer } from "./server-process";
import { aiperf, AIPERF, guidellm, GUIDELLM, ours, type Assignment, type Tool } from "./tools";

export const OURS = ours.name;

/** A deployed engine to measure beside the paced server; holds a key. */
export interface Deployed {
  readonly name: string;
  readonly model: string;
  /** What the relay is told. */
  readonly relay: {
    readonly endpoint: string;
    readonly key: string;
    readonly caCertificate?: string;
    readonly serverName: string;
  };
}

type Say = (line: string) => void;

const PROMPTS = 40;
const LOAD = { concurrency: 4, requests: 120, warmUp: 8, tokens: 32 } as const;

/**
 * Has GuideLLM, AIPerf and this project measure the same servers in turn.
 * @param tokenizer archive of the tiny model's folder: AIPerf wants a tokenizer, though the server counts
 * @throws CommandFailure when a tool does not measure what it was asked to
 */
export async function compareTools(
  rounds: number,
  deployed: Deployed | undefined,
  tokenizer: string,
  say: Say,
): Promise<AgreementReport> {
  const began = new Date();
  const folder = mkdtempSync(join(tmpdir(), "tms-agreement-"));
  try {
    const tokens = join(folder, "tokenizer");
    mkdirSync(tokens);
    await runCommand("tar", ["-xf", tokenizer, "-C", tokens], {
      log: "bench-agreement",
      failure: "The tokenizer could not be unpacked.",
      wayOut: "Delete it from the cache, then run the command again.",
    });
    const tools = [
      ours,
      guidellm(await peerEnvironment(GUIDELLM, say), peerVersion(GUIDELLM)),
      aiperf(await peerEnvironment(AIPERF, say), peerVersion(AIPERF), tokens),
    ];
    const servers = [await pacedRun(tools, rounds, folder, say)];
    if (deployed) servers.push(await deployedRun(deployed, tools, rounds, folder, say));
    return makeReport(began, servers);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function pacedRun(tools: readonly Tool[], rounds: number, folder: string, say: Say): Promise<ServerRun> {
  const server = await startServer("paced-server");
  try {
    const truth = async (): Promise<Times | undefined> => {
      const { body } = await request(`${server.url}/served`);
      const served = z.array(servedSchema).parse(await body.json());
      if (served.length === 0) return undefined;
      // The warm-up is in it too, with the same prompts.
      const both = (values: readonly number[]) => ({ p50: quantile(values, 0.5), p95: quantile(values, 0.95) });
      return { ttft: both(served.map(({ ttft }) => ttft)), itl: both(served.map(({ itl }) => itl)) };
    };
    return await measureAll(
      { server: "paced server", url: server.url, model: MODEL, truth },
      tools,
      rounds,
      folder,
      say,
    );
  } finally {
    await server.stop();
  }
}

async function deployedRun(
  { name, model, relay }: Deployed,
  tools: readonly Tool[],
  rounds: number,
  folder: string,
  say: Say,
): Promise<ServerRun> {
  const server = await startServer("relay", JSON.stringify(relay));
  try {
    return await measureAll({ server: name, url: server.url, model }, tools, rounds, folder, say);
  } finally {
    await server.stop();
  }
}

interface Measured {
  readonly server: string;
  readonly url: string;
  readonly model: string;
  /** What the server did since it was last asked. */
  readonly truth?: () => Promise<Times | undefined>;
}

async function measureAll(
  { server, url, model, truth }: Measured,
  tools: readonly Tool[],
  rounds: number,
  folder: string,
  say: Say,
): Promise<ServerRun> {
  const turns: Turn[][] = [];
  for (let round = 0; round < rounds; round += 1) {
    // Each tool has every place in the order equally often.
    const order = tools.map((_, index) => tools[(index + round) % tools.length]!);
    const played: Turn[] = [];
    for (const tool of order) {
      const place = mkdtempSync(join(folder, "turn-"));
      const assignment: Assignment = { ...{ url, model, folder: place, prompts: prompts(PROMPTS) }, ...LOAD };
      await truth?.();
      const figures = await tool.measure(assignment);
      // GuideLLM ends its warm-up by the clock, so a request that was under way then may count or not.
      if (Math.abs(figures.requests - LOAD.requests) > LOAD.concurrency)
        throw new CommandFailure(
          `${tool.name} counts ${figures.requests} requests, and ${LOAD.requests} were to be measured`,
          "the whole output: the toolchain's log bench-agreement",
          EXIT.internal,
        );
      const { ttft, itl } = figures;
      say(
        `${server}, round ${round + 1} of ${rounds}: ${tool.name} TTFT ${ttft.p50.toFixed(1)} ms, inter-token ${itl.p50.toFixed(2)} ms`,
      );
      const real = await truth?.();
      played.push({ tool: tool.name, figures, ...(real ? { truth: real } : {}) });
    }
    turns.push(played);
  }
  return { server, ...LOAD, rounds: turns };
}
