import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { anyReachable, reachable } from "../../../toolchain/internet";

const servers: Server[] = [];
/** What befell the servers of a test, in its order. */
const events: ("asked" | "given up")[] = [];
afterEach(() => {
  events.length = 0;
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/** @param delay milliseconds until it answers; without one it never does */
async function server(delay?: number): Promise<{ url: string; asked: () => number }> {
  let asked = 0;
  const made = createServer((request, response) => {
    asked++;
    events.push("asked");
    request.once("close", () => events.push("given up"));
    if (delay !== undefined) setTimeout(() => response.writeHead(401).end(), delay);
  });
  servers.push(made);
  await new Promise<void>((listening) => made.listen(0, "127.0.0.1", listening));
  return { url: `http://127.0.0.1:${(made.address() as AddressInfo).port}/`, asked: () => asked };
}

describe("whether a server can be reached", () => {
  test("is true for one that takes two seconds to refuse, as behind a slow proxy", async () => {
    expect(await reachable((await server(2000)).url)).toBe(true);
  });

  test("is asked of each server once, whatever is wanted from it", async () => {
    const { url, asked } = await server(0);
    expect(await Promise.all([reachable(url), reachable(`${url}one`), reachable(`${url}two`)])).toEqual([
      true,
      true,
      true,
    ]);
    expect(asked()).toBe(1);
  });

  test("is false for one that is silent, and many of them are waited for at the same time", async () => {
    const urls = (await Promise.all([server(), server(), server()])).map(({ url }) => url);
    expect(await Promise.all([...urls.map(reachable), anyReachable(urls)])).toEqual([false, false, false, false]);
    expect(events.slice(0, 3)).toEqual(["asked", "asked", "asked"]);
  });

  test("is false where nothing listens", async () => {
    expect(await reachable("https://127.0.0.1:9/")).toBe(false);
  });

  test("is true for several where one answers", async () => {
    const { url } = await server(0);
    expect(await anyReachable(["http://127.0.0.1:9/", url])).toBe(true);
  });
});
