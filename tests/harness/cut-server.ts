import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A file server on loopback whose connections end or fall silent in the middle, as on a bad line. */
export interface CutServer {
  readonly url: string;
  /** The range that each request asked for, and the ETag to which it held the answer; `-` where it named none. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

export interface CutServerOptions {
  readonly content: Buffer;
  /** How the first answers end. The later ones are whole. */
  readonly cuts: readonly ("closed" | "silent" | "503")[];
  /** Bytes that come before a cut. */
  readonly before: number;
  /** Whether it answers with the range that is asked for; default true. */
  readonly ranges?: boolean;
}

export async function cutServer({ content, cuts, before, ranges = true }: CutServerOptions): Promise<CutServer> {
  const requests: string[] = [];
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const cut = cuts[requests.length];
    requests.push(`${request.headers.range ?? "-"} ${request.headers["if-match"] ?? "-"}`);
    if (cut === "503") return void response.writeHead(503).end();
    const asked = ranges ? /^bytes=(\d+)-/.exec(request.headers.range ?? "") : null;
    const from = Number(asked?.[1] ?? 0);
    if (asked !== null && from >= content.length) return void response.writeHead(416).end();
    const part = content.subarray(from);
    response.writeHead(asked === null ? 200 : 206, {
      "content-length": part.length,
      etag: '"one"',
      ...(asked === null ? {} : { "content-range": `bytes ${from}-${content.length - 1}/${content.length}` }),
    });
    if (cut === undefined) return void response.end(part);
    // Destroyed when it is on its way: else the bytes before the cut would be lost with it.
    response.write(part.subarray(0, before), () => {
      if (cut === "closed") setTimeout(() => response.destroy(), 50);
    });
  };
  const server = createServer(answer);
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`,
    requests,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}
