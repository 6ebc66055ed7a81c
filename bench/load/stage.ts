import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "../../smoke/client";
import { NoAnswer } from "../../smoke/no-answer";
import { tuningRequest } from "../../smoke/openai";
import type { StreamRecord } from "../../smoke/stream";
import type { Random } from "../statistics";
import type { Sample } from "./samples";
import { arrivalTimes, type Allowance, type Load } from "./schedule";

/** One stage: a load on one model, every request timed from the moment at which it was due. */

export interface StageRequest {
  readonly model: string;
  /** Longest answer, in tokens. */
  readonly tokens: number;
  /** Number of the request; no two prompts begin alike, or the engine would read the second from its cache. */
  readonly number: number;
}

export interface Stage {
  readonly load: Load;
  readonly requests: number;
  /** What is asked, by the number of the request. */
  readonly body: (number: number) => Readonly<Record<string, unknown>>;
  /** Limit of a whole answer. */
  readonly timeoutMilliseconds: number;
}

export interface StageResult {
  readonly samples: readonly Sample[];
  /** From the beginning to the last answer. */
  readonly milliseconds: number;
  /** Milliseconds that clients of a closed loop waited for the gateway's own limit, all together; not part of any latency. */
  readonly heldBack: number;
}

/** What a stage needs from outside. */
export interface StageTools {
  readonly client: Client;
  readonly allowance: Allowance;
  readonly random: Random;
  /** A number that was never given before in this run. */
  readonly nextNumber: () => number;
}

export const requestBody = ({ model, tokens, number }: StageRequest) =>
  tuningRequest(
    model,
    tokens,
    `${number}번 질의를 튜닝해 주세요: SELECT * FROM orders WHERE customer_id = ${number} ORDER BY ordered_at DESC`,
  );

export function runStage(stage: Stage, tools: StageTools): Promise<StageResult> {
  return stage.load.kind === "closed"
    ? closedLoop(stage, stage.load.concurrency, tools)
    : openLoop(stage, stage.load, tools);
}

/** A client asks again when it has its answer: how long it then waits to be let in is its own affair. */
async function closedLoop(stage: Stage, concurrency: number, tools: StageTools): Promise<StageResult> {
  const began = performance.now();
  const samples: Sample[] = [];
  let left = stage.requests;
  let heldBack = 0;
  const client = async () => {
    while (left > 0) {
      left -= 1;
      const wait = tools.allowance.take(performance.now());
      heldBack += wait;
      if (wait > 0) await sleep(wait);
      samples.push(await ask(stage, performance.now(), began, tools));
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, stage.requests) }, client));
  return { samples, milliseconds: performance.now() - began, heldBack };
}

/** Nobody waits for anybody: a request that is due is sent, and what keeps it from being sent counts as its latency. */
async function openLoop(
  stage: Stage,
  { arrivals, perSecond }: Extract<Load, { kind: "open" }>,
  tools: StageTools,
): Promise<StageResult> {
  const due = arrivalTimes(arrivals, perSecond, stage.requests, tools.random);
  const began = performance.now();
  const samples = await Promise.all(
    due.map(async (moment) => {
      const wait = began + moment - performance.now();
      if (wait > 0) await sleep(wait);
      return ask(stage, began + moment, began, tools);
    }),
  );
  return { samples, milliseconds: performance.now() - began, heldBack: 0 };
}

async function ask(stage: Stage, due: number, began: number, { client, nextNumber }: StageTools): Promise<Sample> {
  const body = stage.body(nextNumber());
  const sent = performance.now();
  const late = sent - due;
  const record = await client.stream(body, stage.timeoutMilliseconds, { patient: false }).catch((error: unknown) => {
    if (error instanceof NoAnswer) return error.message;
    throw error;
  });
  const times = { due: due - began, late };
  if (typeof record === "string") return { ...times, end: performance.now() - due, fault: record };
  return { ...times, ...sampleOf(record, late) };
}

/** What a stream's record says of a request that was due `late` before it was sent. Pure. */
export function sampleOf(record: StreamRecord, late: number): Omit<Sample, "due" | "late"> {
  const { firstToken, lastToken, end, tokens, status, faults, done } = record;
  const fault =
    status !== 200
      ? `status ${status}`
      : (faults[0] ?? (firstToken === undefined ? "no token came" : done ? undefined : "no [DONE] at the end"));
  const counted = tokens ?? record.reads.reduce((sum, { events }) => sum + events, 0);
  return {
    ...(firstToken === undefined ? {} : { firstToken: firstToken + late }),
    ...(lastToken === undefined ? {} : { lastToken: lastToken + late }),
    end: end + late,
    tokens: counted,
    ...(fault === undefined ? {} : { fault }),
  };
}
