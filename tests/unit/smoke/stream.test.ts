import { describe, expect, test } from "vitest";
import { StreamRecorder, type StreamRecord } from "../../../smoke/stream";
import { DONE, event, USAGE } from "./endpoint";

const RESPONSE = { status: 200, contentType: "text/event-stream", contentEncoding: "", headers: 1, end: 1000 };

/** What is told of reads that come 10 ms after one another. */
function record(reads: readonly (string | Uint8Array)[], cut?: string): StreamRecord {
  const recorder = new StreamRecorder();
  reads.forEach((read, index) => recorder.push([Buffer.from(read)], (index + 1) * 10));
  return recorder.finish({ ...RESPONSE, cut });
}

describe("a stream's record", () => {
  test("tells times, text, end and the server's count", () => {
    const told = record([event({ content: "가" }), event({ content: "나" }) + event({}, "stop"), USAGE + DONE]);
    expect(told).toMatchObject({ text: "가나", firstEvent: 10, firstToken: 10, lastToken: 20 });
    expect(told).toMatchObject({ finishReason: "stop", done: true, tokens: 96, faults: [] });
    expect(told.reads.map(({ events }) => events)).toEqual([1, 1, 0]);
  });

  test("holds characters whole wherever the reads are cut", () => {
    const bytes = Buffer.from(event({ content: "튜닝" }) + event({ content: "인덱스" }) + DONE);
    for (let cut = 1; cut < bytes.length; cut += 1) {
      const { text, faults, done } = record([bytes.subarray(0, cut), bytes.subarray(cut)]);
      expect({ text, faults, done }).toEqual({ text: "튜닝인덱스", faults: [], done: true });
    }
  });

  test("is the same whichever way its lines end, in reads of a byte", () => {
    for (const end of ["\n", "\r\n", "\r"]) {
      const bytes = Buffer.from((event({ content: "튜닝" }) + event({}, "stop") + DONE).replaceAll("\n", end));
      const { text, finishReason, done, faults } = record([...bytes].map((byte) => Uint8Array.of(byte)));
      expect({ text, finishReason, done, faults }).toEqual({
        text: "튜닝",
        finishReason: "stop",
        done: true,
        faults: [],
      });
    }
  });

  test("knows that the end is missing", () => {
    expect(record([event({ content: "가" }, "stop")])).toMatchObject({ done: false, finishReason: "stop", faults: [] });
  });

  test.each([
    { title: "a chunk that only names the role", first: event({ role: "assistant", content: "" }) },
    { title: "a comment", first: ": keep-alive\n\n" },
    { title: "a chunk without choices", first: USAGE },
  ])("does not take $title for the first token", ({ first }) => {
    expect(record([first, event({ content: "가" })]).firstToken).toBe(20);
  });

  test.each([
    { title: "reasoning", delta: { reasoning: "음" }, text: "음" },
    { title: "reasoning under its other name", delta: { reasoning_content: "음" }, text: "음" },
    { title: "a tool call", delta: { tool_calls: [{ index: 0 }] }, text: "" },
  ])("takes $title for a token", ({ delta, text }) => {
    expect(record([event(delta)])).toMatchObject({ firstToken: 10, text });
  });

  test.each([
    {
      title: "an error event",
      reads: ['data: {"error":{"message":"out of memory"}}\n\n'],
      fault: /error event.*memory/,
    },
    { title: "an event that is not JSON", reads: ["data: oops\n\n"], fault: /not a JSON object: oops/ },
    { title: "an event that is JSON and no object", reads: ["data: null\n\n"], fault: /not a JSON object/ },
    { title: "an event after the end", reads: [DONE, event({ content: "가" })], fault: /after \[DONE\]/ },
  ])("names $title as a fault", ({ reads, fault }) => {
    expect(record(reads).faults).toEqual([expect.stringMatching(fault) as string]);
  });

  test("names the reason when the stream was cut", () => {
    expect(record([event({ content: "가" })], "the stream broke off").faults).toEqual(["the stream broke off"]);
  });

  test("of a body that is no event stream shows how it begins", () => {
    expect(record(['{"error":"no"}'])).toMatchObject({ beginning: '{"error":"no"}', text: "", done: false });
  });
});
