import { describe, expect, test } from "vitest";
import { pace } from "../../../smoke/pace";
import type { StreamRecord } from "../../../smoke/stream";

const EVENT_BYTES = 230;

interface Shape {
  readonly tokens: number;
  /** Events of a read. */
  readonly atOnce: number;
  /** Events of a chunk in it, where the reader came late. */
  readonly chunk?: number;
  /** Milliseconds until the first read, and between reads. */
  readonly first: number;
  readonly between: number;
}

function stream({ tokens, atOnce, chunk = atOnce, first, between }: Shape): StreamRecord {
  const cut = (events: number, size: number) =>
    Array.from({ length: Math.ceil(events / size) }, (_, index) => Math.min(size, events - index * size));
  const reads = cut(tokens, atOnce).map((events, index) => ({
    ...{ at: first + index * between, events, bytes: EVENT_BYTES * events },
    chunks: cut(events, chunk),
  }));
  const end = reads.at(-1)?.at ?? 0;
  return {
    ...{ status: 200, contentType: "text/event-stream", contentEncoding: "", headers: 1, reads, end },
    bytes: tokens * EVENT_BYTES,
    ...{ firstEvent: first, firstToken: first, lastToken: end },
    ...{ text: "", finishReason: "stop", done: true, tokens, faults: [], beginning: "" },
  };
}

describe("passed on as made:", () => {
  test.each([
    { title: "a tiny model, a millisecond a token", shape: { tokens: 153, atOnce: 1, first: 8, between: 1 } },
    { title: "the same on a busy machine", shape: { tokens: 153, atOnce: 4, first: 30, between: 4 } },
    { title: "a large model on a processor", shape: { tokens: 384, atOnce: 1, first: 6000, between: 250 } },
    { title: "a large model on a GPU", shape: { tokens: 384, atOnce: 1, first: 120, between: 12 } },
    {
      title: "a quick model, to a reader that was kept waiting",
      shape: { tokens: 153, atOnce: 73, chunk: 1, first: 5, between: 20 },
    },
    { title: "several tokens a step", shape: { tokens: 384, atOnce: 5, first: 120, between: 30 } },
  ])("$title", ({ shape }) => {
    expect(pace(stream(shape))).toMatchObject({ faults: [], tooShort: false });
  });
});

describe("held back:", () => {
  test.each([
    { title: "all at the end", shape: { tokens: 384, atOnce: 384, first: 5000, between: 0 } },
    { title: "a short answer in one piece", shape: { tokens: 20, atOnce: 20, first: 400, between: 0 } },
    { title: "a fast model through a 4 KiB buffer", shape: { tokens: 153, atOnce: 18, first: 20, between: 18 } },
    { title: "a slow model through a 4 KiB buffer", shape: { tokens: 384, atOnce: 18, first: 900, between: 900 } },
    { title: "a fast model through an 8 KiB buffer", shape: { tokens: 153, atOnce: 36, first: 40, between: 36 } },
    { title: "a fast model through a 16 KiB buffer", shape: { tokens: 153, atOnce: 73, first: 90, between: 70 } },
    {
      title: "a slow model by what keeps its chunks",
      shape: { tokens: 384, atOnce: 18, chunk: 1, first: 900, between: 900 },
    },
    { title: "made first and replayed then", shape: { tokens: 384, atOnce: 1, first: 4000, between: 0.5 } },
  ])("$title", ({ shape }) => {
    expect(pace(stream(shape)).faults[0]).toMatch(/^held back/);
  });

  test("pieces of a buffer that the network cuts on its way", () => {
    const whole = stream({ tokens: 384, atOnce: 18, first: 900, between: 900 });
    const cut = whole.reads.flatMap(({ at, bytes }) =>
      [0, 1, 2].map((part) => ({ at: at + part * 0.2, bytes: bytes / 3, events: 6, chunks: [6] })),
    );
    expect(pace({ ...whole, reads: cut }).faults[0]).toMatch(/^held back/);
  });
});

describe("too short to tell:", () => {
  test("few tokens, without a fault", () => {
    expect(pace(stream({ tokens: 8, atOnce: 8, first: 100, between: 0 }))).toMatchObject({
      faults: [],
      tooShort: true,
    });
  });

  test("the whole answer in one event", () => {
    expect(pace(stream({ tokens: 1, atOnce: 1, first: 900, between: 0 }))).toMatchObject({
      faults: [],
      tooShort: true,
    });
  });

  test("no token is a fault", () => {
    expect(pace({ ...stream({ tokens: 0, atOnce: 1, first: 0, between: 0 }), firstToken: undefined }).faults).toEqual([
      "no token came",
    ]);
  });
});
