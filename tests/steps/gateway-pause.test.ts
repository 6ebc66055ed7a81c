import { once } from "node:events";
import { mkdirSync, rmdirSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PAUSE_MARK } from "../../plan/render/nginx-errors";
import { EngineStandIn } from "../harness/engine-stand-in";
import { bearer, errorOf, gatewayConfig, KEYS, sampleStep, send, streamCompletion } from "../harness/gateway";
import { freePort, layOut, Nginx, NGINX_MISSING, type NginxFiles } from "../harness/nginx";

const KEY = KEYS["client/tms/a"];
const headers = bearer(KEY);

describe.skipIf(NGINX_MISSING)(
  "nginx while a deployment restarts the engine (needs nginx: apt-get install nginx)",
  () => {
    let port: number;
    let engine: EngineStandIn;
    let application: Server;
    let files: NginxFiles;
    let nginx: Nginx;

    beforeAll(async () => {
      engine = await new EngineStandIn(await freePort()).start();
      application = createServer((_, response) => response.end()).listen(0, "127.0.0.1");
      await once(application, "listening");
      const upstream = `127.0.0.1:${(application.address() as AddressInfo).port}`;
      port = await freePort();
      const config = gatewayConfig({ port, tls: { mode: "off" }, applicationRoute: { upstream } }, engine.port);
      // With a cache that an operator may have set, the pause would be seen late.
      files = layOut(sampleStep(config), KEYS, "open_file_cache max=100;");
      nginx = await Nginx.start(files, port);
    });
    afterAll(async () => {
      await nginx.stop();
      await engine.stop();
      application.close();
      await once(application, "close");
    });

    const chat = () => send(port, "POST", "/v1/chat/completions", { headers }, JSON.stringify({ model: "tiny" }));
    const pause = () => mkdirSync(files.path(PAUSE_MARK), { recursive: true });
    const endPause = () => rmdirSync(files.path(PAUSE_MARK));

    test("new requests get 503 with Retry-After at once, what is under way goes on to its end", async () => {
      expect((await chat()).status).toBe(200);
      const stream = streamCompletion(port, KEY);
      const before = engine.requests.length;
      while (engine.requests.length === before) await sleep(5);
      pause();
      for (const answer of [await chat(), await send(port, "GET", "/health")]) {
        const { code, message } = errorOf(answer);
        expect([answer.status, code, answer.headers.get("retry-after")]).toEqual([503, "service_unavailable", "5"]);
        expect(message).toBe("The model server is being restarted; try again shortly.");
      }
      expect(engine.requests).toHaveLength(before + 1);
      expect((await stream).text).toMatch(/data: \[DONE\]\n\n$/);
      endPause();
      expect((await chat()).status).toBe(200);
    });

    test("who has no key is told that, and the application answers for itself", async () => {
      pause();
      expect((await send(port, "GET", "/v1/models")).status).toBe(401);
      expect((await send(port, "GET", "/api/llm/x", { headers })).status).toBe(200);
      endPause();
    });

    test("a request has a connection of its own, so that the open ones are the answers under way", async () => {
      await Promise.all([chat(), chat(), chat()]);
      await expect.poll(() => engine.connections()).toBe(0);
    });
  },
);
