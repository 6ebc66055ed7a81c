import { createParser } from "eventsource-parser";

/** What a streamed chat completion was, event by event. Times are milliseconds after the request was sent. */
export interface StreamRecord {
  readonly status: number;
  readonly contentType: string;
  readonly headers: number;
  readonly events: readonly { readonly at: number; readonly content: string }[];
  /** Times at which bytes arrived. */
  readonly arrivals: readonly number[];
  readonly bytes: number;
  /** First non-empty content, reasoning or tool-call delta; a role-only chunk is none. */
  readonly firstToken: number | undefined;
  readonly end: number;
  readonly text: string;
  readonly finishReason: string | undefined;
  readonly done: boolean;
  /** Completion tokens as the server counts them. */
  readonly tokens: number | undefined;
  /** Error events and data that is not JSON. */
  readonly faults: readonly string[];
}

interface Delta {
  readonly content?: string | null;
  readonly reasoning?: string | null;
  readonly reasoning_content?: string | null;
  readonly tool_calls?: readonly unknown[];
}

interface Chunk {
  readonly choices?: readonly { readonly delta?: Delta; readonly finish_reason?: string | null }[];
  readonly usage?: { readonly completion_tokens?: number } | null;
  readonly error?: unknown;
}

/** Takes bytes as they arrive and tells what they were. */
export class StreamRecorder {
  private readonly decoder = new TextDecoder("utf-8");
  private readonly events: { at: number; content: string }[] = [];
  private readonly arrivals: number[] = [];
  private readonly faults: string[] = [];
  private bytes = 0;
  private at = 0;
  private firstToken: number | undefined;
  private finishReason: string | undefined;
  private tokens: number | undefined;
  private done = false;
  private readonly parser = createParser({ onEvent: ({ data }) => this.event(data) });

  /** Bytes that arrived `at` milliseconds after the request. A character may be split between two pieces. */
  push(piece: Uint8Array, at: number): void {
    this.at = at;
    this.bytes += piece.byteLength;
    this.arrivals.push(at);
    this.parser.feed(this.decoder.decode(piece, { stream: true }));
  }

  finish(response: { status: number; contentType: string; headers: number; end: number }): StreamRecord {
    this.parser.feed(this.decoder.decode());
    return {
      ...response,
      events: this.events,
      arrivals: this.arrivals,
      bytes: this.bytes,
      firstToken: this.firstToken,
      text: this.events.map(({ content }) => content).join(""),
      finishReason: this.finishReason,
      done: this.done,
      tokens: this.tokens,
      faults: this.faults,
    };
  }

  private event(data: string): void {
    if (data === "[DONE]") {
      this.done = true;
      return;
    }
    let chunk: Chunk;
    try {
      chunk = JSON.parse(data) as Chunk;
    } catch {
      this.faults.push(`an event that is not JSON: ${data.slice(0, 80)}`);
      return;
    }
    if (chunk.error !== undefined) this.faults.push(`an error event: ${JSON.stringify(chunk.error).slice(0, 200)}`);
    if (chunk.usage?.completion_tokens !== undefined) this.tokens = chunk.usage.completion_tokens;
    const choice = chunk.choices?.[0];
    if (!choice) return;
    if (choice.finish_reason) this.finishReason = choice.finish_reason;
    const { content, reasoning, reasoning_content: reasoningContent, tool_calls: toolCalls } = choice.delta ?? {};
    if (content || reasoning || reasoningContent || toolCalls?.length) this.firstToken ??= this.at;
    this.events.push({ at: this.at, content: content ?? "" });
  }
}
