import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { paceOf } from "./pace";

/**
 * An OpenAI-compatible server whose tokens come when they are due, in a process of its own on loopback: what a tool should
 * measure is known. Prints its port. `GET /served` gives, and forgets, what it really did.
 */

export const MODEL = "paced";

const requestSchema = z.object({
  messages: z.array(z.object({ content: z.union([z.string(), z.array(z.object({ text: z.string() }))]) })),
  max_tokens: z.number().int().optional(),
  max_completion_tokens: z.number().int().optional(),
});

/** What one request really got, by this process's clock, in milliseconds. */
export const servedSchema = z.object({ prompt: z.string(), ttft: z.number(), itl: z.number(), tokens: z.number() });
export type Served = z.output<typeof servedSchema>;

let served: Served[] = [];

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const arrived = performance.now();
  const send = (body: unknown) =>
    response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(body));
  switch (request.url) {
    case "/health":
      send({ status: "ok" });
      break;
    case "/v1/models":
      send({ object: "list", data: [{ id: MODEL, object: "model" }] });
      break;
    case "/served":
      send(served);
      served = [];
      break;
    case "/v1/chat/completions":
      await stream(requestSchema.parse(JSON.parse(await text(request))), arrived, response);
      break;
    default:
      response.writeHead(404).end();
  }
}

async function stream(
  { messages, max_tokens, max_completion_tokens }: z.output<typeof requestSchema>,
  arrived: number,
  response: ServerResponse,
): Promise<void> {
  const { content = "" } = messages.at(-1) ?? {};
  const prompt = typeof content === "string" ? content : content.map((part) => part.text).join("");
  const { ttft, itl } = paceOf(prompt);
  const tokens = max_tokens ?? max_completion_tokens ?? 32;
  response.writeHead(200, { "Content-Type": "text/event-stream" });
  // Engines name the role at once; a tool that took it for a token would measure nothing.
  response.write(event({ choices: [choice({ role: "assistant", content: "" })] }));
  const written: number[] = [];
  for (let token = 0; token < tokens && !response.destroyed; token += 1) {
    await until(arrived + ttft + token * itl);
    response.write(event({ choices: [choice({ content: ` word${token}` })] }));
    written.push(performance.now());
  }
  const usage = { prompt_tokens: 16, completion_tokens: tokens, total_tokens: 16 + tokens };
  response.end(event({ choices: [choice({}, "length")] }) + event({ choices: [], usage }) + "data: [DONE]\n\n");
  const [first = arrived] = written;
  served.push({ prompt, tokens, ttft: first - arrived, itl: (written.at(-1)! - first) / Math.max(1, tokens - 1) });
}

/** Node's timer comes up to a millisecond late, so the end of the wait is watched. */
async function until(due: number): Promise<void> {
  const wait = due - performance.now();
  if (wait > 1.5) await sleep(Math.floor(wait - 1));
  while (performance.now() < due) await new Promise(setImmediate);
}

const choice = (delta: object, finish_reason: string | null = null) => ({ index: 0, delta, finish_reason });
const event = (fields: object) =>
  `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1795239396, model: MODEL, ...fields })}\n\n`;

async function main(): Promise<void> {
  const server = createServer((request, response) => {
    response.socket?.setNoDelay(true);
    answer(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  console.log((server.address() as { port: number }).port);
}

if (require.main === module) void main();
