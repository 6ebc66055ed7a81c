import { fail, inconclusive, milliseconds, pass, type Check, type Finding } from "../check";
import { Client } from "../client";
import { NoAnswer } from "../no-answer";
import { tuningRequest } from "../openai";
import type { SmokeTarget } from "../target";

/** A busy machine may answer late once; an engine that goes on for nobody does so each time. */
const ATTEMPTS = 3;
type Engine = NonNullable<SmokeTarget["engine"]>;

/** Tokens in the time of the limit above which a model counts as quick. */
const QUICK = 200;
/** More at once would be a load test. */
const MOST_SEATS = 32;

const COUNTING = "1부터 3000까지의 수를 한 줄에 하나씩 빠짐없이 써 주세요.";
/** Answers without an end of their own; the engine's context ends them. */
const ENDLESS = [
  // Ollama passes over `ignore_eos`, and a large model counts by itself.
  { ignore_eos: true },
  // A text in JSON that the model never closes, if it has no mind of its own.
  { response_format: { type: "json_schema", json_schema: { name: "text", schema: { type: "string" } } } },
  // Transformers ends an answer after 1024 tokens where nobody asks for more.
  { ignore_eos: true, max_tokens: 8192 },
] as const;
/** Tokens of a long prompt, at least; well below every context that the project plans. */
const LONG_PROMPT_CHARACTERS = 1200;

/**
 * A client that goes away takes its work with it: the engine is free for the next one.
 * @param limit milliseconds after which an engine that was left has to begin the next answer, beyond what it takes when idle
 */
export const cancelWithin = (limit: number): Check => ({
  id: "cancel",
  title: "Who leaves stops the engine",
  demand: () =>
    `the next answer begins within ${milliseconds(limit)} of the clients' leaving in the middle of an answer`,
  needs: "streaming",
  alone: true,
  async run({ target, model }) {
    const { engine, objectives } = target;
    if (!engine) return inconclusive("not measured: how many requests the engine takes at once is not known here");
    if (engine.parallel > MOST_SEATS)
      return inconclusive(
        `not measured: the engine takes ${engine.parallel} requests at once, and ${MOST_SEATS} are the most`,
      );
    const client = new Client(target, engine.parallel + 1);
    try {
      return await judged(new Visitor(client, model, objectives.total * 1000), engine, limit);
    } finally {
      await client.close();
    }
  },
});

export const cancel = cancelWithin(1000);

async function judged(
  visitor: Visitor,
  { parallel, unit, context = Infinity }: Engine,
  limit: number,
): Promise<Finding> {
  // Of a shorter answer nobody can tell whether it was given up or finished.
  const enough = 2 * limit;
  const { idle, gap } = await visitor.idle();
  const late = (after: number) => after > idle + limit;
  // Ollama 0.17 (issue 17131) may keep a seat for good when a client leaves a stream just as a token is handed on, which in a
  // quick model's stream is a good part of the time. Who waits for a whole answer leaves without that.
  const streamed = gap >= limit / QUICK;
  const lasted: number[] = [];
  for (const endless of ENDLESS) {
    // Whether the answer would have gone on is known from one that nobody left so soon.
    const watched = await visitor.watches({ ...endless, stream: streamed }, enough + limit);
    const waits = [await visitor.next()];
    if (!late(waits[0]!) && watched < enough) {
      lasted.push(watched);
      continue;
    }
    // An engine that goes on for nobody need not do so for longer than it takes to tell. A quarter is left for the question.
    const tokens = Math.min(Math.ceil((2 * enough) / gap), Math.floor(0.75 * context));
    const brief = { ...endless, stream: streamed, max_tokens: tokens };
    let seated = parallel;
    while (late(waits.at(-1)!) ? waits.length <= ATTEMPTS && waits.at(-1) !== Infinity : waits.length === 1) {
      seated = await visitor.takeAllSeatsAndLeave(parallel, brief, limit / 2);
      waits.push(await visitor.next());
    }
    const best = Math.min(...(waits.length > 1 ? waits.slice(1) : waits));
    const evidence = { idle, gap, seats: parallel, streamed, watched, waits };
    if (waits.includes(Infinity))
      return fail(`no answer any more after a client has left; on the host: systemctl restart ${unit}`, evidence);
    if (seated < parallel) throw new Error(`only ${seated} of ${parallel} requests were answered at the same time`);
    if (late(best))
      return fail(
        `the next answer began ${milliseconds(best)} after ${parallel} left, and ${milliseconds(idle)} when idle`,
        evidence,
      );
    const midPrefill = await visitor.leavesMidPrefill();
    return pass(
      `next answer ${milliseconds(best)} after leaving ${streamed ? "mid-stream" : "mid-answer"}, ${midPrefill ? milliseconds(midPrefill.next) : "not measured"} mid-prefill`,
      { ...evidence, midPrefill },
    );
  }
  return inconclusive(
    `the longest answer lasted ${milliseconds(Math.max(...lasted))}; nobody can tell whether it was given up`,
    { idle, gap, lasted },
  );
}

type Body = Readonly<Record<string, unknown>>;

/** Asks, and leaves. Times in milliseconds. */
class Visitor {
  private prompts = 0;

  constructor(
    private readonly client: Client,
    private readonly model: string,
    private readonly limit: number,
  ) {}

  /** Time to the first token of an idle engine, and between two tokens. */
  async idle(): Promise<{ idle: number; gap: number }> {
    const record = await this.stream(tuningRequest(this.model, 32));
    const { firstToken = 0, lastToken = 0 } = record ?? {};
    const tokens = record?.reads.reduce((sum, { events }) => sum + events, 0) ?? 0;
    return {
      idle: Math.min(firstToken, await this.next()),
      gap: Math.max(0.25, (lastToken - firstToken) / Math.max(1, tokens - 1)),
    };
  }

  /** Time to the first token of a short answer; Infinity where none came. */
  async next(): Promise<number> {
    const record = await this.stream(tuningRequest(this.model, 4));
    return record?.firstToken ?? Infinity;
  }

  /** How long an answer goes on; whoever asked leaves when it has been `watched`. */
  async watches(endless: Body, watched: number): Promise<number> {
    const began = performance.now();
    await this.visit(endless, AbortSignal.timeout(watched));
    return performance.now() - began;
  }

  /**
   * Every seat is taken by somebody who leaves: from a stream when all of them have their first token, from a whole answer
   * after a while. @returns how many sat
   */
  async takeAllSeatsAndLeave(seats: number, endless: Body, milliseconds: number): Promise<number> {
    const leaving = new AbortController();
    let seated = 0;
    const onFirstToken = () => {
      seated += 1;
      if (seated === seats) leaving.abort();
    };
    const timer = endless["stream"]
      ? undefined
      : setTimeout(() => {
          seated = seats;
          leaving.abort();
        }, milliseconds);
    const sit = async () => {
      await this.visit(endless, leaving.signal, onFirstToken);
      // Whoever ends before the others sit must not keep them seated.
      leaving.abort();
    };
    await Promise.all(Array.from({ length: seats }, sit));
    clearTimeout(timer);
    return seated;
  }

  /** Leaves while the engine reads a long prompt; undefined where there is no such prompt. */
  async leavesMidPrefill(): Promise<{ left: number; next: number } | undefined> {
    const read = (await this.stream(this.longPrompt()))?.firstToken;
    if (read === undefined) return undefined;
    const left = Math.max(1, Math.round(read / 2));
    await this.whole(this.longPrompt(), AbortSignal.timeout(left));
    const next = await this.next();
    return next === Infinity ? undefined : { left, next };
  }

  private async visit(endless: Body, signal: AbortSignal, onFirstToken?: () => void): Promise<void> {
    const body = this.endless(endless);
    await (endless["stream"]
      ? this.stream(body, { signal, ...(onFirstToken ? { onFirstToken } : {}) })
      : this.whole(body, signal));
  }

  private endless(endless: Body): Body {
    return { model: this.model, temperature: 0, seed: 1, messages: [{ role: "user", content: COUNTING }], ...endless };
  }

  /** Another one each time: what the engine has read before it would not read again. */
  private longPrompt(): Body {
    this.prompts += 1;
    const table = `SELECT column_${this.prompts} FROM orders; `;
    return tuningRequest(this.model, 64, table.repeat(Math.ceil(LONG_PROMPT_CHARACTERS / table.length)));
  }

  private async whole(body: Body, signal: AbortSignal): Promise<void> {
    const { key } = this.client;
    const text = JSON.stringify(body);
    await this.client
      .send("/v1/chat/completions", { method: "POST", key, body: text, signal, timeoutMilliseconds: this.limit })
      .catch(this.leave);
  }

  private async stream(body: Body, options: Parameters<Client["stream"]>[2] = {}) {
    const record = await this.client.stream(body, this.limit, options).catch(this.leave);
    return record?.status === 200 ? record : undefined;
  }

  /** That none came is no fault of somebody who has left. */
  private readonly leave = (error: unknown): undefined => {
    if (error instanceof NoAnswer) return undefined;
    throw error;
  };
}
