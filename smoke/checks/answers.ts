import { fail, inconclusive, judge, milliseconds, type Check } from "../check";
import type { StreamRecord } from "../stream";

const PROMPT = "다음 SQL을 튜닝해 주세요: SELECT * FROM employees WHERE department_id = 10";
const REPLACEMENT = "\uFFFD";

const chat = (model: string, maxTokens: number) => ({
  model,
  max_tokens: maxTokens,
  temperature: 0,
  seed: 1,
  messages: [{ role: "user", content: PROMPT }],
});

interface Completion {
  readonly choices?: readonly { readonly message?: { readonly content?: string } }[];
}

/** One short answer; it also loads the model, so that later checks measure a warm one. */
export const answer: Check = {
  id: "answer",
  title: "A short answer comes",
  demand: ({ objectives }) => `200, not empty, within ${objectives.total} s`,
  needs: "models",
  alone: true,
  async run({ target, client }) {
    const body = JSON.stringify(chat(target.models[0]!, 16));
    const result = await client.send("/v1/chat/completions", {
      method: "POST",
      key: client.key,
      body,
      timeoutMilliseconds: target.objectives.total * 1000,
    });
    if (result.status !== 200) return fail(`status ${result.status}`, { body: result.text.slice(0, 300) });
    const content = (JSON.parse(result.text) as Completion).choices?.[0]?.message?.content ?? "";
    return judge(content === "" ? ["the answer is empty"] : [], milliseconds(result.milliseconds));
  },
};

/**
 * A stream that is held back arrives in few lumps at the end; one that is passed on arrives as it is made. Told apart by
 * the record alone, whatever the model's speed: the first token comes in the first half of the whole time, bytes arrive
 * at many moments, and no gap swallows most of the time.
 */
export function heldBack(record: StreamRecord): string[] {
  const { firstToken, end, arrivals } = record;
  if (firstToken === undefined) return ["no token came"];
  const moments = new Set(arrivals.map((at) => Math.round(at))).size;
  return [
    ...(firstToken > end / 2
      ? [`the first token came after ${Math.round((firstToken / end) * 100)} % of the time`]
      : []),
    ...(moments < Math.min(8, record.events.length / 4)
      ? [`${record.events.length} events arrived at ${moments} moments`]
      : []),
  ];
}

/** How a stream must end: nothing torn, nothing missing. */
export function broken(record: StreamRecord): string[] {
  return [
    ...(record.status === 200 ? [] : [`status ${record.status}`]),
    ...(record.contentType.startsWith("text/event-stream") ? [] : [`content type "${record.contentType}"`]),
    ...record.faults,
    ...(record.finishReason === "stop" || record.finishReason === "length"
      ? []
      : [`finish reason ${record.finishReason ?? "missing"}`]),
    ...(record.done ? [] : ["no [DONE] at the end"]),
  ];
}

/** Long enough that a proxy's buffers (8 × 8 KiB at most by default) cannot hold it unnoticed. */
const LONG_ANSWER_TOKENS = 384;

export const streaming: Check = {
  id: "streaming",
  title: "Answers stream",
  demand: ({ objectives }) => `first token within ${objectives.ttft} s, passed on as it is made, ends with [DONE]`,
  needs: "answer",
  alone: true,
  async run({ target, client }) {
    const record = await client.stream(chat(target.models[0]!, LONG_ANSWER_TOKENS));
    const faults = [...broken(record), ...heldBack(record)];
    const ttft = record.firstToken ?? record.end;
    if (ttft > target.objectives.ttft * 1000) faults.push(`first token after ${milliseconds(ttft)}`);
    if (record.end > target.objectives.total * 1000) faults.push(`whole answer after ${milliseconds(record.end)}`);
    const evidence = {
      ttft,
      end: record.end,
      events: record.events.length,
      bytes: record.bytes,
      tokens: record.tokens,
    };
    return judge(
      faults,
      `TTFT ${milliseconds(ttft)}, ${record.events.length} events in ${milliseconds(record.end)}`,
      evidence,
    );
  },
};

const ATTEMPTS = 3;

/** Korean survives the way: no broken character, and the stream says what the whole answer says. */
export const korean: Check = {
  id: "korean",
  title: "Korean text arrives whole",
  demand: () => "no replacement character; streamed text equals the unstreamed",
  needs: "streaming",
  async run({ target, client }) {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const body = chat(target.models[0]!, 48);
      const record = await client.stream(body);
      const whole = await client.send("/v1/chat/completions", {
        method: "POST",
        key: client.key,
        body: JSON.stringify(body),
      });
      const text = (JSON.parse(whole.text) as Completion).choices?.[0]?.message?.content ?? "";
      if (record.text.includes(REPLACEMENT) && !text.includes(REPLACEMENT))
        return fail("the stream has broken characters", { text: record.text });
      if (record.text === text && text !== "") return judge([], `${text.length} characters, equal`);
    }
    // Engines don't promise the same answer twice, so a difference alone proves nothing.
    return inconclusive(`streamed and unstreamed answers differed ${ATTEMPTS} times`);
  },
};
