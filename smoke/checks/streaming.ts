import { inconclusive, judge, milliseconds, type Check, type Finding } from "../check";
import { tuningRequest } from "../openai";
import { pace, type Pace } from "../pace";
import type { StreamRecord } from "../stream";
import type { SmokeTarget } from "../target";

/** Why the body can't be read as a stream of events at all; everything else would only follow from it. */
function unreadable({ status, contentType, contentEncoding }: StreamRecord): string[] {
  return [
    ...(status === 200 ? [] : [`status ${status}`]),
    ...(contentType.startsWith("text/event-stream") ? [] : [`content type "${contentType}"`]),
    ...(contentEncoding === "" ? [] : [`compressed (${contentEncoding}), so a compressor holds events back`]),
  ];
}

/** What is wrong with the form of a stream: not an event stream, torn, or without a proper end. */
export function malformed(record: StreamRecord): string[] {
  const { finishReason, done, faults } = record;
  const first = unreadable(record);
  if (first.length > 0) return first;
  return [
    ...faults,
    ...(finishReason === "stop" || finishReason === "length" ? [] : [`finish reason ${finishReason ?? "missing"}`]),
    ...(done ? [] : ["no [DONE] at the end"]),
  ];
}

/** About 230 bytes of events per token, so well over the 16 KiB that a judgement needs. */
const LONG_ANSWER_TOKENS = 384;
/** A busy machine can make an honest stream look held back; a proxy that holds back does so every time. */
const ATTEMPTS = 3;
/**
 * Where an attempt costs little there are more. Of a model that makes a token in 0.3 ms, three streams of five came in
 * lumps beside other work, and nine of ten beside four endless loops on two processors; of 192 streams that a proxy held
 * back, none looked passed on.
 */
const QUICK_ATTEMPTS = 40;
const QUICK_MILLISECONDS = 5000;
/** The second is for a model that answers the first in few words. */
const PROMPTS = [undefined, "1부터 300까지의 수를 한 줄에 하나씩 빠짐없이 써 주세요."] as const;

/** Answers are passed on as they are made, begin in time, and end as the protocol says. */
export const streaming: Check = {
  id: "streaming",
  title: "Answers stream",
  demand: ({ objectives }) => `first token within ${objectives.ttft} s, passed on as it is made, ends with [DONE]`,
  needs: "answer",
  alone: true,
  async run({ target, client, model }) {
    const began = performance.now();
    let prompt = 0;
    for (let attempt = 1; ; attempt += 1) {
      const body = tuningRequest(model, LONG_ANSWER_TOKENS, PROMPTS[prompt % PROMPTS.length]);
      const record = await client.stream(body, target.objectives.total * 1000);
      const measured = pace(record);
      const heldBack = measured.faults.length > 0;
      const attempts = heldBack && performance.now() - began < QUICK_MILLISECONDS ? QUICK_ATTEMPTS : ATTEMPTS;
      const untold = heldBack || measured.tooShort;
      if (malformed(record).length > 0 || !untold || attempt >= attempts) return judged(record, measured, target);
      if (!heldBack) prompt += 1;
    }
  },
};

function judged(record: StreamRecord, measured: Pace, { objectives }: SmokeTarget): Finding {
  const { firstToken, lastToken, headers, end, bytes, reads, tokens, beginning } = record;
  const torn = malformed(record);
  // A torn stream is not asked for again, so its pace tells nothing.
  const faults = torn.length > 0 ? torn : [...measured.faults];
  if (firstToken !== undefined && firstToken > objectives.ttft * 1000)
    faults.push(`first token after ${milliseconds(firstToken)}`);
  const evidence = {
    ...{ headers, firstEvent: record.firstEvent, firstToken, lastToken, end, bytes, tokens },
    medianPiece: measured.medianPiece,
    ...(faults.length > 0 ? { beginning } : {}),
    reads,
  };
  if (faults.length === 0 && measured.tooShort)
    return inconclusive(`${bytes} bytes are too short an answer to tell whether it streams`, evidence);
  return judge(
    faults,
    `TTFT ${milliseconds(firstToken ?? end)}, ${tokens ?? "?"} tokens in ${milliseconds(end)}, ${reads.length} reads`,
    evidence,
  );
}
