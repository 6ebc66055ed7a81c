import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { anyReachable, reachable } from "../../../toolchain/internet";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/** @param delay milliseconds until it answers; without one it never does */
async function server(delay?: number): Promise<{ url: string; asked: () => number }> {
  let asked = 0;
  const made = createServer((_, response) => {
    asked++;
    if (delay !== undefined) setTimeout(() => response.writeHead(401).end(), delay);
  });
  servers.push(made);
  await new Promise<void>((listening) => made.listen(0, "127.0.0.1", listening));
  return { url: `http://127.0.0.1:${(made.address() as AddressInfo).port}/`, asked: () => asked };
}

async function timed<T>(work: Promise<T>): Promise<{ result: T; seconds: number }> {
  const began = performance.now();
  return { result: await work, seconds: (performance.now() - began) / 1000 };
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

  test("is false for one that is silent, and many of them take no longer than one", async () => {
    const urls = (await Promise.all([server(), server(), server()])).map(({ url }) => url);
    const { result, seconds } = await timed(Promise.all([...urls.map(reachable), anyReachable(urls)]));
    expect(result).toEqual([false, false, false, false]);
    expect(seconds).toBeGreaterThan(4.5);
    // One after the other they would take fifteen.
    expect(seconds).toBeLessThan(12);
  });

  test("is false at once where nothing listens", async () => {
    const { result, seconds } = await timed(reachable("https://127.0.0.1:9/"));
    expect(result).toBe(false);
    expect(seconds).toBeLessThan(3);
  });

  test("is true for several where one answers", async () => {
    const { url } = await server(0);
    expect(await anyReachable(["http://127.0.0.1:9/", url])).toBe(true);
  });
});
