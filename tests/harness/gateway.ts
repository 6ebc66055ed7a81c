import { once } from "node:events";
import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { stackSchema, type StackConfig } from "../../plan/config/schema";
import { gatewayStep, type GatewayContext } from "../../plan/gateway";
import type { Step } from "../../plan/step";

/** The gateway's step with sample keys, and a client that sends exactly what it is told. */

export const KEYS = {
  "client/tms/a": `${"Aa0".repeat(14)}Z`,
  "client/tms/b": `${"Bb1".repeat(14)}Z`,
  "client/other/a": `${"Cc2".repeat(14)}Z`,
} as const;

export function gatewayConfig(gateway: Record<string, unknown>, enginePort = 11434): StackConfig {
  return stackSchema.parse({
    target: { kind: "sandbox" },
    engine: { kind: "ollama", port: enginePort },
    models: [{ name: "tiny", source: "builtin:tiny" }],
    gateway,
  });
}

export function sampleStep(config: StackConfig, context: Partial<GatewayContext> = {}): Step {
  const secrets = Object.keys(KEYS).map((name) => ({ name, generation: 1 }));
  return gatewayStep(config, { secrets, addresses: [], ...context });
}

/** The step with a piece of its files turned round, to see a check fail. */
export function sabotaged(step: Step, from: string, to: string): Step {
  if (!step.files.some(({ text }) => text.includes(from))) throw new Error(`no file has: ${from}`);
  return { ...step, files: step.files.map((file) => ({ ...file, text: file.text.replaceAll(from, to) })) };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export const bearer = (key: string) => ({ Authorization: `Bearer ${key}` });

/** One request on a connection of its own; the path goes out as it is written, where fetch would tidy it. */
export async function send(
  port: number,
  method: string,
  path: string,
  options: RequestOptions = {},
  body = "",
): Promise<Answer> {
  const request = httpRequest({ host: "127.0.0.1", port, method, path, agent: false, ...options });
  // nginx answers a body that is too large before it has read it; the rest of the writing may fail, the answer counts.
  request.on("error", () => undefined);
  request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const text = (await response.setEncoding("utf8").toArray()).join("");
  const headers = Object.entries(response.headers).map(([name, value]): [string, string] => [name, String(value)]);
  return { status: response.statusCode ?? 0, headers: new Headers(headers), text };
}

export interface ApiError {
  readonly message: string;
  readonly type: string;
  readonly param: null;
  readonly code: string;
}

export const errorOf = ({ text }: Answer) => (JSON.parse(text) as { error: ApiError }).error;

/** Reads a stream; `times` are the arrivals of its events, in milliseconds. */
export async function readEvents(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ times: number[]; spread: number; text: string }> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const times: number[] = [];
  let text = "";
  for await (const chunk of chunks) {
    const part = decoder.decode(chunk, { stream: true });
    times.push(...Array.from(part.matchAll(/^data: /gm), () => performance.now()));
    text += part;
  }
  return { times, spread: times.at(-1)! - times[0]!, text };
}

/** The events of one streamed completion over HTTP/1.1. */
export async function streamCompletion(port: number, key: string) {
  const response = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
    method: "POST",
    headers: { ...bearer(key), "Accept-Encoding": "gzip" },
    body: JSON.stringify({ model: "tiny", stream: true }),
  });
  return readEvents(response.body!);
}
