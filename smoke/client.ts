import { Agent, request, type Dispatcher } from "undici";
import { StreamRecorder, type StreamRecord } from "./stream";
import type { SmokeTarget } from "./target";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** From sending the request to the last byte, on the monotonic clock. */
  readonly milliseconds: number;
}

export interface RequestOptions {
  readonly method?: "GET" | "POST";
  /** API key; `undefined` sends none. */
  readonly key?: string | undefined;
  readonly body?: string;
  readonly timeoutMilliseconds?: number;
}

const DEFAULT_TIMEOUT_MILLISECONDS = 30_000;

/** A client outside of the host, as strict about the certificate as any other. */
export class Client {
  private readonly agent: Agent;

  constructor(private readonly target: SmokeTarget) {
    const { caCertificate, serverName } = target;
    this.agent = new Agent({
      connect: { ...(caCertificate ? { ca: caCertificate } : {}), ...(serverName ? { servername: serverName } : {}) },
    });
  }

  /** The first client's key, the one that checks use where any key will do. */
  get key(): string {
    return this.target.clients[0]!.key;
  }

  async send(path: string, options: RequestOptions = {}): Promise<Answer> {
    const began = performance.now();
    const response = await this.dispatch(path, options);
    const text = await response.body.text();
    return { status: response.statusCode, headers: response.headers, text, milliseconds: performance.now() - began };
  }

  /** POSTs a chat completion with `stream: true` and records every piece with its time. */
  async stream(body: Readonly<Record<string, unknown>>): Promise<StreamRecord> {
    const began = performance.now();
    const response = await this.dispatch("/v1/chat/completions", {
      method: "POST",
      key: this.key,
      body: JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }),
    });
    const headers = performance.now() - began;
    const recorder = new StreamRecorder();
    for await (const piece of response.body) recorder.push(piece as Uint8Array, performance.now() - began);
    return recorder.finish({
      status: response.statusCode,
      contentType: String(response.headers["content-type"] ?? ""),
      headers,
      end: performance.now() - began,
    });
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }

  private dispatch(path: string, options: RequestOptions): Promise<Dispatcher.ResponseData<unknown>> {
    const { method = "GET", key, body, timeoutMilliseconds = DEFAULT_TIMEOUT_MILLISECONDS } = options;
    const { origin } = new URL(this.target.endpoint);
    // The path is passed apart from the URL, which would tidy up what a check writes on purpose, e.g. `/v1/../api/tags`.
    return request(origin, {
      dispatcher: this.agent,
      path,
      method,
      headersTimeout: timeoutMilliseconds,
      bodyTimeout: timeoutMilliseconds,
      headers: {
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body }),
    } as Parameters<typeof request>[1] & object);
  }
}
