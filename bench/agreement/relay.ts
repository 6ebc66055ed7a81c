import { once } from "node:events";
import { createServer } from "node:http";
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

async function main(): Promise<void> {
  const { endpoint, key, caCertificate, serverName } = relaySchema.parse(JSON.parse(await text(process.stdin)));
  const agent = new Agent({ keepAlive: true, servername: serverName, ...(caCertificate ? { ca: caCertificate } : {}) });
  const server = createServer((request, response) => {
    response.socket?.setNoDelay(true);
    const { method, headers } = request;
    const onward = send(new URL(request.url ?? "/", endpoint), {
      ...{ agent, method },
      headers: { ...headers, host: serverName, authorization: `Bearer ${key}` },
    });
    onward.on("response", (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    // Whoever leaves, leaves the gateway too.
    response.on("close", () => onward.destroy());
    request.pipe(onward);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  console.log((server.address() as { port: number }).port);
}

void main();
