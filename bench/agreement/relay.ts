import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { Agent, request as send } from "node:https";
import { text } from "node:stream/consumers";
import { z } from "zod";

/**
 * Passes requests from loopback on to a gateway, with its key and by TLS, in a process of its own: the other tools take a key
 * among their arguments, where everybody on the machine can read it. All tools go through it. Prints its port.
 */

export const relaySchema = z.object({
  /** URL of the gateway. */
  endpoint: z.url(),
  key: z.string(),
  caCertificate: z.string().optional(),
  serverName: z.string(),
});

function lasting(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const kept = { ...headers };
  delete kept["content-length"];
  return kept;
}

/** GuideLLM names the answer's length by a newer word than Ollama knows; without this its answers would be longer. */
function sameLength(body: string): string {
  if (!body.startsWith("{")) return body;
  const { max_completion_tokens: tokens, ...request } = JSON.parse(body) as Record<string, unknown>;
  return JSON.stringify(tokens === undefined ? request : { ...request, max_tokens: tokens });
}

async function main(): Promise<void> {
  const { endpoint, key, caCertificate, serverName } = relaySchema.parse(JSON.parse(await text(process.stdin)));
  const agent = new Agent({ keepAlive: true, servername: serverName, ...(caCertificate ? { ca: caCertificate } : {}) });
  const server = createServer((request, response) => {
    response.socket?.setNoDelay(true);
    const { method, headers } = request;
    const onward = send(new URL(request.url ?? "/", endpoint), {
      ...{ agent, method },
      // Of a body whose length is not said beforehand: it may change.
      headers: { ...lasting(headers), host: serverName, authorization: `Bearer ${key}` },
    });
    onward.on("response", (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    // Whoever leaves, leaves the gateway too.
    response.on("close", () => onward.destroy());
    void text(request).then((body) => onward.end(sameLength(body)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  console.log((server.address() as { port: number }).port);
}

void main();
