import { setTimeout as sleep } from "node:timers/promises";
import { fail, judge, type Check } from "../check";
import { Client, type Answer } from "../client";
import { NoAnswer } from "../no-answer";
import { isError, tuningRequest } from "../openai";
import type { SmokeTarget } from "../target";

/** Requests above what the engine takes and keeps waiting. */
const TOO_MANY = 4;
/** More at once would be a load test. */
const LARGEST_CROWD = 128;
/** Long enough that nobody in the crowd is done while the last one arrives. */
const TOKENS = 512;
const LONGEST_MILLISECONDS = 10_000;
/** Longest wait until the rate limit lets the crowd in, after what the checks before this one have asked. */
const LONGEST_WAIT_MILLISECONDS = 60_000;

/** Requests at once that are too many; undefined where they can't be sent: no known bound, or the rate limit comes first. */
function crowd({ engine, rateLimit }: SmokeTarget): number | undefined {
  if (engine?.queue === undefined) return undefined;
  const requests = engine.parallel + engine.queue + TOO_MANY;
  if (requests > Math.min(LARGEST_CROWD, rateLimit?.burst ?? Infinity)) return undefined;
  return roomAfter(requests, rateLimit) <= LONGEST_WAIT_MILLISECONDS ? requests : undefined;
}

/** Milliseconds after which the rate limit has room for so many at once and one more, whatever was asked before. */
const roomAfter = (requests: number, limit: SmokeTarget["rateLimit"]) =>
  limit === undefined ? 0 : ((requests + 1) * 60_000) / limit.requestsPerMinute;

/** An engine whose queue is full tells its clients to come back, instead of letting them wait for ever or break. */
export const overload: Check = {
  id: "overload",
  title: "A full engine says so",
  demand: (target) => `503 with Retry-After, in OpenAI's form, for some of ${crowd(target) ?? "?"} requests at once`,
  needs: "streaming",
  applies: (target) => crowd(target) !== undefined,
  alone: true,
  last: true,
  async run({ target, model }) {
    const requests = crowd(target)!;
    const client = new Client(target, requests);
    try {
      let refused = await firstRefusal(client, requests, model);
      if (refused?.status === 429) {
        await sleep(roomAfter(requests, target.rateLimit));
        refused = await firstRefusal(client, requests, model);
      }
      return refused
        ? judge(faults(refused), `503 when ${requests} ask at once`)
        : fail(`${requests} at once, none refused`);
    } finally {
      await client.close();
    }
  },
};

/** The first answer that is no success; whoever still waits then leaves. */
async function firstRefusal(client: Client, requests: number, model: string): Promise<Answer | undefined> {
  const leaving = new AbortController();
  const body = JSON.stringify({ ...tuningRequest(model, TOKENS), ignore_eos: true });
  let refused: Answer | undefined;
  const ask = async () => {
    const answer = await client
      .send("/v1/chat/completions", {
        ...{ method: "POST", key: client.key, body, patient: false, signal: leaving.signal },
        timeoutMilliseconds: LONGEST_MILLISECONDS,
      })
      .catch((error: unknown) => {
        if (error instanceof NoAnswer) return undefined;
        throw error;
      });
    if (answer === undefined || answer.status === 200) return;
    refused ??= answer;
    leaving.abort();
  };
  await Promise.all(Array.from({ length: requests }, ask));
  return refused;
}

function faults({ status, headers, text }: Answer): string[] {
  const wait = headers["retry-after"];
  return [
    ...(status === 503 ? [] : [`status ${status}`]),
    ...(/^[1-9]\d*$/.test(String(wait)) ? [] : [`Retry-After is ${wait === undefined ? "missing" : String(wait)}`]),
    ...(isError(text) ? [] : ["not in OpenAI's form"]),
  ];
}
