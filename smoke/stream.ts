import { createParser } from "eventsource-parser";

/** What one wake-up of the reader brought. */
export interface Read {
  /** Milliseconds after the request was sent. */
  readonly at: number;
  readonly bytes: number;
  /** Tokens' events that it completed. */
  readonly events: number;
  /** The same for each HTTP chunk in it: what the sender wrote at once, however late the reader came. */
  readonly chunks: readonly number[];
}

/** What a streamed chat completion was. Times are milliseconds after the request was sent, on the monotonic clock. */
export interface StreamRecord {
  readonly status: number;
  readonly contentType: string;
  /** Empty when the body came as it is. */
  readonly contentEncoding: string;
  /** When the response's headers were there. */
  readonly headers: number;
  /** Each read from the socket. */
  readonly reads: readonly Read[];
  readonly bytes: number;
  readonly firstEvent: number | undefined;
  /** First non-empty content, reasoning or tool-call delta; a chunk that only names the role is none. */
  readonly firstToken: number | undefined;
  readonly lastToken: number | undefined;
  readonly end: number;
  /** Content, or the reasoning where the answer holds nothing else. */
  readonly text: string;
  readonly finishReason: string | undefined;
  readonly done: boolean;
  /** Completion tokens as the server counts them. */
  readonly tokens: number | undefined;
  /** Error events, data that is not JSON, a line that broke off. */
  readonly faults: readonly string[];
  /** How the body begins, for whoever has to find out why. */
  readonly beginning: string;
}

export type StreamResponse = Pick<StreamRecord, "status" | "contentType" | "contentEncoding" | "headers" | "end"> & {
  readonly cut?: string | undefined;
};

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

const BEGINNING_CHARACTERS = 300;

/** Takes bytes as they arrive and tells what they were. */
export class StreamRecorder {
  // Characters of three bytes are split between reads; a decoder that starts anew at each would break them.
  private readonly decoder = new TextDecoder("utf-8");
  private readonly parser = createParser({ onEvent: ({ data }) => this.event(data) });
  private readonly reads: Read[] = [];
  private readonly faults: string[] = [];
  private at = 0;
  private events = 0;
  private beginning = "";
  private content = "";
  private reasoning = "";
  private firstEvent: number | undefined;
  private firstToken: number | undefined;
  private lastToken: number | undefined;
  private finishReason: string | undefined;
  private tokens: number | undefined;
  private done = false;

  /** Whether a token has come. */
  hasBegun(): boolean {
    return this.firstToken !== undefined;
  }

  /** The chunks that one read from the socket brought, `at` milliseconds after the request. */
  push(pieces: readonly Uint8Array[], at: number): void {
    this.at = at;
    const chunks = pieces.map((piece) => {
      this.events = 0;
      this.feed(this.decoder.decode(piece, { stream: true }));
      return this.events;
    });
    const bytes = pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
    this.reads.push({ at, bytes, events: chunks.reduce((sum, events) => sum + events, 0), chunks });
  }

  finish({ cut, ...response }: StreamResponse): StreamRecord {
    this.feed(this.decoder.decode());
    if (cut !== undefined) this.faults.push(cut);
    return {
      ...response,
      reads: this.reads,
      bytes: this.reads.reduce((sum, { bytes }) => sum + bytes, 0),
      firstEvent: this.firstEvent,
      firstToken: this.firstToken,
      lastToken: this.lastToken,
      text: this.content || this.reasoning,
      finishReason: this.finishReason,
      done: this.done,
      tokens: this.tokens,
      faults: this.faults,
      beginning: this.beginning,
    };
  }

  private feed(text: string): void {
    if (this.beginning.length < BEGINNING_CHARACTERS)
      this.beginning = (this.beginning + text).slice(0, BEGINNING_CHARACTERS);
    this.parser.feed(text);
  }

  private event(data: string): void {
    this.firstEvent ??= this.at;
    if (this.done) this.faults.push("an event after [DONE]");
    if (data === "[DONE]") {
      this.done = true;
      return;
    }
    const chunk = parseChunk(data);
    if (chunk === undefined) {
      this.faults.push(`an event that is not a JSON object: ${data.slice(0, 80)}`);
      return;
    }
    if (chunk.error !== undefined) this.faults.push(`an error event: ${JSON.stringify(chunk.error).slice(0, 200)}`);
    this.tokens = chunk.usage?.completion_tokens ?? this.tokens;
    const choice = chunk.choices?.[0];
    if (!choice) return;
    this.finishReason = choice.finish_reason ?? this.finishReason;
    this.token(choice.delta ?? {});
  }

  private token({ content, reasoning, reasoning_content: reasoningContent, tool_calls: toolCalls }: Delta): void {
    if (!content && !reasoning && !reasoningContent && !toolCalls?.length) return;
    this.firstToken ??= this.at;
    this.lastToken = this.at;
    this.events += 1;
    this.content += content ?? "";
    this.reasoning += reasoning ?? reasoningContent ?? "";
  }
}

function parseChunk(data: string): Chunk | undefined {
  try {
    const chunk: unknown = JSON.parse(data);
    return typeof chunk === "object" && chunk !== null ? chunk : undefined;
  } catch {
    return undefined;
  }
}
