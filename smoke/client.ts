import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { Agent, buildConnector, type Dispatcher } from "undici";
import { NoAnswer } from "./no-answer";
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
  readonly method?: "GET" | "POST" | "DELETE";
  /** API key; `undefined` sends none. */
  readonly key?: string | undefined;
  readonly body?: string | Readable;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether to wait as a 429 says and ask again, which is the default. */
  readonly patient?: boolean;
  /** Limit of the whole exchange. */
  readonly timeoutMilliseconds?: number;
  readonly signal?: AbortSignal;
}

/** What may happen to a stream while it comes. */
export interface StreamOptions {
  /** The client leaves in the middle: the connection is closed. */
  readonly signal?: AbortSignal;
  /** Called once. */
  readonly onFirstToken?: () => void;
  /** Whether to wait as a 429 says and ask again, which is the default. */
  readonly patient?: boolean;
}

const DEFAULT_TIMEOUT_MILLISECONDS = 30_000;
/** A handshake each costs more than waiting for a connection that is there. */
const CONNECTIONS = 6;
/** The stack's own rate limit may ask the smoke test to wait; a longer wait is told as the status it is. */
const LONGEST_RETRY_AFTER_SECONDS = 10;

/**
 * A client outside of the host, as strict about the certificate as any other. What is wrong with an answer is the checks'
 * affair; that none came throws `NoAnswer`.
 */
export class Client {
  /** Milliseconds that each new connection took, its TLS handshake included. */
  readonly connects: number[] = [];
  private readonly agent: Agent;

  constructor(
    private readonly target: Pick<SmokeTarget, "endpoint" | "caCertificate" | "serverName" | "clients">,
    connections = CONNECTIONS,
  ) {
    const { caCertificate, serverName } = target;
    const connect = buildConnector({
      // One request a connection at a time, as OpenAI's clients do; times would mean something else over HTTP/2.
      allowH2: false,
      // A certificate that was given is trusted as it stands, whoever issued it.
      ...(caCertificate ? { ca: caCertificate, allowPartialTrustChain: true } : {}),
      ...(serverName ? { servername: serverName } : {}),
    });
    this.agent = new Agent({
      connections,
      connect: (options, callback) => {
        const began = performance.now();
        connect(options, (...result) => {
          this.connects.push(performance.now() - began);
          callback(...result);
        });
      },
    });
  }

  /** The first client's key, the one that checks use where any key will do. */
  get key(): string {
    return this.target.clients[0]!.key;
  }

  async send(path: string, options: RequestOptions = {}): Promise<Answer> {
    const { response, sent, limit } = await this.dispatch(path, options);
    const text = await response.body.text().catch((error: unknown) => {
      throw this.noAnswer(error, limit);
    });
    return { status: response.statusCode, headers: response.headers, text, milliseconds: performance.now() - sent };
  }

  /**
   * POSTs a chat completion with `stream: true` and records every read with its time. A stream that breaks off is a
   * record with a fault.
   */
  async stream(
    body: Readonly<Record<string, unknown>>,
    timeoutMilliseconds = DEFAULT_TIMEOUT_MILLISECONDS,
    { signal, onFirstToken, patient = true }: StreamOptions = {},
  ): Promise<StreamRecord> {
    const { response, sent, limit } = await this.dispatch("/v1/chat/completions", {
      method: "POST",
      key: this.key,
      // OpenAI's clients offer it too; an answer that takes it up is held back by the compressor.
      headers: { "accept-encoding": "gzip" },
      body: JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }),
      timeoutMilliseconds,
      patient,
      ...(signal ? { signal } : {}),
    });
    const headers = performance.now() - sent;
    const recorder = new StreamRecorder();
    const error = await eachRead(response.body, (chunks, at) => {
      const waited = !recorder.hasBegun();
      recorder.push(chunks, at - sent);
      if (waited && recorder.hasBegun()) onFirstToken?.();
    });
    return recorder.finish({
      status: response.statusCode,
      contentType: String(response.headers["content-type"] ?? ""),
      contentEncoding: String(response.headers["content-encoding"] ?? ""),
      headers,
      end: performance.now() - sent,
      cut: error === undefined ? undefined : `the stream broke off: ${this.noAnswer(error, limit).message}`,
    });
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }

  private async dispatch(path: string, options: RequestOptions) {
    const { method = "GET", key, body, headers, patient = true } = options;
    const { timeoutMilliseconds: limit = DEFAULT_TIMEOUT_MILLISECONDS, signal } = options;
    for (let attempt = 1; ; attempt += 1) {
      const sent = performance.now();
      const response = await this.agent
        // `request` of undici itself would tidy up a path that a check writes on purpose, e.g. `/v1/../api/tags`.
        .request({
          origin: new URL(this.target.endpoint).origin,
          path,
          method,
          // The signal limits the whole; undici's own limits are per silence and too coarse.
          headersTimeout: 0,
          bodyTimeout: 0,
          signal: AbortSignal.any([AbortSignal.timeout(limit), ...(signal ? [signal] : [])]),
          headers: {
            ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
            ...(body === undefined ? {} : { "content-type": "application/json" }),
            ...headers,
          },
          body: body ?? null,
        })
        .catch((error: unknown) => {
          throw this.noAnswer(error, limit);
        });
      const wait = Number(response.headers["retry-after"] ?? Infinity);
      if (response.statusCode !== 429 || !patient || attempt > 2 || !(wait <= LONGEST_RETRY_AFTER_SECONDS))
        return { response, sent, limit };
      await response.body.dump();
      await sleep(wait * 1000);
    }
  }

  /** What a failed exchange says about the endpoint; a fault of the request itself comes back as it is. */
  private noAnswer(error: unknown, limit: number): Error {
    if (!(error instanceof Error)) return new Error(String(error));
    const { code = "" } = error as NodeJS.ErrnoException;
    const { origin } = new URL(this.target.endpoint);
    const reason = error.message || code;
    if (code === "UND_ERR_INVALID_ARG") return error;
    if (error.name === "AbortError") return new NoAnswer("this client has left");
    if (error.name === "TimeoutError") return new NoAnswer(`not finished within ${limit / 1000} s`, true);
    if (code === "ECONNREFUSED") return new NoAnswer(`nothing listens at ${origin}`);
    if (/CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS/.test(code))
      return new NoAnswer(`the certificate of ${origin} is not trusted: ${reason}`);
    return new NoAnswer(`no answer from ${origin}: ${reason}`);
  }
}

/**
 * Hands on what each read from the socket brought, with its time. The HTTP parser cuts a read at every chunk's border, all
 * within one turn of the event loop. Returns the error that ended the body, if any.
 */
function eachRead(
  body: Dispatcher.ResponseData["body"],
  take: (chunks: readonly Uint8Array[], at: number) => void,
): Promise<unknown> {
  let chunks: Uint8Array[] = [];
  let at = 0;
  const flush = () => {
    if (chunks.length > 0) take(chunks, at);
    chunks = [];
  };
  return new Promise((resolve) => {
    body.on("data", (chunk: Uint8Array) => {
      if (chunks.length === 0) {
        at = performance.now();
        setImmediate(flush);
      }
      chunks.push(chunk);
    });
    const finish = (error?: unknown) => {
      flush();
      resolve(error);
    };
    body.once("end", finish);
    body.once("error", finish);
  });
}
