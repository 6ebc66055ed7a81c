import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

/** A small real HTTP server that answers as an engine does: streams, is busy, knows no such model, falls silent or breaks off, as the model's name says. */
export class EngineStandIn {
  readonly requests: { readonly url: string; readonly headers: IncomingHttpHeaders; readonly bodySize: number }[] = [];
  /** Streams whose client went away before the end. */
  abandoned = 0;
  private server: Server | undefined;

  constructor(readonly port: number) {}

  /** Does nothing when it runs. */
  async start(): Promise<this> {
    if (this.server?.listening) return this;
    this.server = createServer((request, response) => void this.answer(request, response)).listen(
      this.port,
      "127.0.0.1",
    );
    await once(this.server, "listening");
    return this;
  }

  /** How many connections are open. */
  async connections(): Promise<number> {
    return promisify(this.server!.getConnections.bind(this.server))();
  }

  async stop(): Promise<void> {
    const server = this.server;
    if (!server?.listening) return;
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    this.requests.push({ url: request.url ?? "", headers: request.headers, bodySize: body.length });
    switch (request.url?.split("?")[0]) {
      case "/v1/chat/completions":
        await this.complete(JSON.parse(body) as { model: string }, request, response);
        break;
      case "/v1/models":
        send(response, 200, { object: "list", data: [{ id: "tiny", object: "model" }] });
        break;
      case "/api/version":
        send(response, 200, { version: "9.9.9" });
        break;
      default:
        send(response, 404, { error: { message: `no ${request.url ?? "path"}` } });
    }
  }

  private async complete(
    { model }: { model: string },
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    switch (model) {
      case "busy":
        send(response, 503, { error: { message: "server busy", type: "api_error", param: null, code: null } });
        break;
      case "unknown":
        send(response, 404, { error: { message: "model not found", type: "api_error", param: null, code: null } });
        break;
      case "silent":
        break;
      case "broken":
        request.socket.destroy();
        break;
      default:
        await this.stream(response, 10, 50);
    }
  }

  private async stream(response: ServerResponse, events: number, pause: number): Promise<void> {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    for (let index = 0; index < events; index++) {
      if (response.destroyed) {
        this.abandoned += 1;
        return;
      }
      response.write(`data: {"choices":[{"delta":{"content":"가${index}"}}]}\n\n`);
      await sleep(pause);
    }
    response.end("data: [DONE]\n\n");
  }
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(body));
}
