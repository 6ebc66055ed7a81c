import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { onTestFinished } from "vitest";
import { smokeTargetSchema, type SmokeTarget } from "../../../smoke/target";

/** A small real endpoint that behaves as a deployment should, but for what a test turns round. */
export interface Behaviour {
  /** Answers before anything else does; true: it has answered. */
  readonly first?: (request: IncomingMessage, response: ServerResponse) => boolean;
  readonly keyOf?: (request: IncomingMessage) => string | null | undefined;
  /** Body of a 404. */
  readonly notFound?: string;
  readonly listed?: readonly string[];
  readonly answer?: string;
  /** Tokens of a stream and how they go out. */
  readonly stream?: (response: ServerResponse, tokens: readonly string[]) => Promise<void> | void;
  /** Largest `max_tokens` that is not refused. */
  readonly context?: number;
  /** The tokens of the answer to a body; undefined takes the usual ones. */
  readonly tokensFor?: (body: string) => readonly string[] | undefined;
  /** Retry-After of a 429 that each second completion gets. */
  readonly retryAfter?: number;
}

export const KEY = "Key0fThisTest";
/** Checks that look into the host, which is not there. */
export const HOST_CHECKS = ["firewall", "engine-loopback", "engine-version", "placement", "known-keys", "digest"];
const MAX_BODY_SIZE = 64 * 1024;
const WORDS = ["인덱스를", " 추가하고", " SELECT", " *", " 대신", " 필요한", " 열만", " 읽으세요."];
const ANSWER = Array.from({ length: 96 }, (_, index) => WORDS[index % WORDS.length]!);

/** One event as an engine writes it. */
export const event = (delta: object, finish: string | null = null) =>
  `data: ${JSON.stringify({
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    created: 1795239396,
    model: "tiny",
    system_fingerprint: "fp",
    choices: [{ index: 0, delta, finish_reason: finish }],
  })}\n\n`;
export const USAGE = `data: ${JSON.stringify({ choices: [], usage: { completion_tokens: ANSWER.length } })}\n\n`;
export const END = event({ content: "" }, "length") + USAGE;
export const DONE = "data: [DONE]\n\n";

/** Each token when it is made, a good millisecond apart, then `end`. */
export async function streamWell(response: ServerResponse, tokens: readonly string[], end = END + DONE): Promise<void> {
  if (!response.headersSent) response.writeHead(200, { "Content-Type": "text/event-stream" });
  for (const token of tokens) {
    response.write(event({ role: "assistant", content: token }));
    await sleep(1);
  }
  response.end(end);
}

const error = (message: string) => JSON.stringify({ error: { message, type: "invalid_request_error" } });

/** Starts the endpoint for one test; what it is told of the deployment can be changed too. */
export async function target(behaviour: Behaviour, changes: Partial<SmokeTarget> = {}): Promise<SmokeTarget> {
  const server = createServer((request, response) => void answer(behaviour, request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as { port: number };
  return smokeTargetSchema.parse({
    schema: "tms-llm/smoke-target/v1",
    endpoint: `http://127.0.0.1:${port}`,
    clients: [{ name: "tms", key: KEY }],
    models: ["tiny"],
    nativeApi: false,
    maxBodySize: MAX_BODY_SIZE,
    objectives: { health: 1, ttft: 2, total: 10 },
    exclude: [...HOST_CHECKS],
    rateLimit: { requestsPerMinute: 60_000, burst: 20 },
    ...changes,
  });
}

const PATHS = new Set(["/v1/models", "/v1/chat/completions", "/v1/completions"]);

async function answer(behaviour: Behaviour, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const send = (status: number, body: string) =>
    response.writeHead(status, { "Content-Type": "application/json" }).end(body);
  if (behaviour.first?.(request, response)) return;
  const path = (request.url ?? "").split("?")[0]!;
  if (path === "/health") return void send(200, '{"status":"ok"}');
  if (!PATHS.has(path)) return void send(404, behaviour.notFound ?? error("no such path"));
  const key = behaviour.keyOf ? behaviour.keyOf(request) : request.headers.authorization?.replace("Bearer ", "");
  if (key !== KEY) return void send(401, error("no such key"));
  if (Number(request.headers["content-length"] ?? 0) > MAX_BODY_SIZE) return void send(413, error("too large"));
  if (path === "/v1/models")
    return void send(200, JSON.stringify({ data: (behaviour.listed ?? ["tiny:latest"]).map((id) => ({ id })) }));
  await complete(behaviour, await text(request), response, send);
}

let completions = 0;

async function complete(
  behaviour: Behaviour,
  body: string,
  response: ServerResponse,
  send: (status: number, body: string) => void,
): Promise<void> {
  completions += 1;
  if (behaviour.retryAfter !== undefined && completions % 2 === 1) {
    response.writeHead(429, { "Retry-After": String(behaviour.retryAfter) }).end(error("too many"));
    return;
  }
  if (!body.startsWith("{")) {
    send(400, error("not JSON"));
    return;
  }
  const { stream, max_tokens: limit } = JSON.parse(body) as { stream?: boolean; max_tokens: number };
  if (behaviour.context !== undefined && limit > behaviour.context) {
    send(400, error("longer than the context"));
    return;
  }
  const tokens = (behaviour.tokensFor?.(body) ?? ANSWER).slice(0, limit);
  if (stream) {
    await (behaviour.stream ?? streamWell)(response, tokens);
    return;
  }
  send(200, behaviour.answer ?? JSON.stringify({ choices: [{ message: { content: tokens.join("") } }] }));
}
