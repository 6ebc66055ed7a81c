import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { EngineStandIn } from "../harness/engine-stand-in";
import {
  bearer,
  errorOf,
  gatewayConfig,
  KEYS,
  sabotaged,
  sampleStep,
  send,
  streamCompletion,
} from "../harness/gateway";
import { freePort, layOut, Nginx, NGINX_MISSING, validate } from "../harness/nginx";

const KEY = KEYS["client/tms/a"];
const SECOND_KEY = KEYS["client/tms/b"];
const OTHER_KEY = KEYS["client/other/a"];

const chat = (port: number, model = "tiny", padding = "") =>
  send(port, "POST", "/v1/chat/completions", { headers: bearer(KEY) }, JSON.stringify({ model, padding }));

describe.skipIf(NGINX_MISSING)("the gateway's nginx over plain HTTP (needs nginx: apt-get install nginx)", () => {
  let port: number;
  let engine: EngineStandIn;
  let application: Server;
  let nginx: Nginx;

  beforeAll(async () => {
    engine = await new EngineStandIn(await freePort()).start();
    const applicationPort = await freePort();
    application = createServer(({ url, headers }, response) => {
      response.end(JSON.stringify({ url, authorization: headers.authorization, host: headers.host }));
    }).listen(applicationPort, "127.0.0.1");
    await once(application, "listening");
    port = await freePort();
    const config = gatewayConfig(
      {
        port,
        tls: { mode: "off" },
        maxBodySize: "64 KiB",
        readTimeout: "1s",
        applicationRoute: { upstream: `127.0.0.1:${applicationPort}` },
      },
      engine.port,
    );
    nginx = await Nginx.start(layOut(sampleStep(config), KEYS, "deny 127.0.0.2;"), port);
  });
  afterEach(() => engine.start());
  afterAll(async () => {
    await nginx.stop();
    await engine.stop();
    application.close();
    await once(application, "close");
  });

  test("takes both keys of a client, whatever the case of the scheme", async () => {
    for (const Authorization of [`Bearer ${KEY}`, `Bearer ${SECOND_KEY}`, `bearer ${KEY}`]) {
      expect((await send(port, "GET", "/v1/models", { headers: { Authorization } })).status).toBe(200);
    }
  });

  test.each([
    ["absent", {}],
    ["unknown", bearer("x".repeat(43))],
    ["known, in another case", bearer(KEY.toLowerCase())],
    ["known, with a letter more", bearer(`${KEY}x`)],
    ["known, with a letter less", bearer(KEY.slice(0, -1))],
    ["known, after another word", bearer(`x ${KEY}`)],
    ["known, of another scheme", { Authorization: `Basic ${KEY}` }],
    ["empty", bearer("")],
  ])("answers 401 where the key is %s", async (_, headers) => {
    const answer = await send(port, "GET", "/v1/models", { headers });
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(errorOf(answer)).toEqual({
      message: "No valid API key. Send one as 'Authorization: Bearer <key>'.",
      type: "invalid_request_error",
      param: null,
      code: "invalid_api_key",
    });
  });

  test("refuses an unknown key before it looks at size, method and rate", async () => {
    expect((await send(port, "POST", "/v1/chat/completions", {}, "x".repeat(70_000))).status).toBe(401);
    expect((await send(port, "DELETE", "/v1/models")).status).toBe(401);
    const many = Array.from({ length: 100 }, () => send(port, "GET", "/v1/models", { headers: bearer("unknown") }));
    expect(new Set((await Promise.all(many)).map(({ status }) => status))).toEqual(new Set([401]));
  });

  test.each([
    "/",
    "/v1",
    "/v1/models/",
    "//v1/models",
    "/v1//models",
    "/v1/./models",
    "/v1/models/../models",
    "/api/llm/../../v1/models",
    "/api/llm/..%2f..%2fv1/models",
    "/health/../v1/models",
    "/v1/%6dodels",
    "/V1/models",
    "/v1/models%0a",
    "/v1/models%20/v1/models%3f",
    "/v1/embeddings",
    "/v1/responses",
    "/api/chat",
    "/api/tags",
    "/api/pull",
    "/api/version",
    "/api/llm",
    "/engine-answers",
    "/metrics",
    "/nginx_status",
  ])("serves nothing at %s, with or without a key", async (path) => {
    const before = engine.requests.length;
    for (const headers of [{}, bearer(KEY)]) {
      const answer = await send(port, "GET", path, { headers });
      expect([answer.status, errorOf(answer).code]).toEqual([404, "unknown_url"]);
    }
    expect(engine.requests).toHaveLength(before);
  });

  test.each([
    ["POST", "/v1/models", "GET"],
    ["GET", "/v1/chat/completions", "POST"],
    ["POST", "/health", "GET, HEAD"],
  ])("answers 405 to %s %s, and allows %s", async (method, path, allowed) => {
    const answer = await send(port, method, path, { headers: bearer(KEY) });
    expect([answer.status, errorOf(answer).code, answer.headers.get("allow")]).toEqual([
      405,
      "method_not_allowed",
      allowed,
    ]);
  });

  test("answers 413 above the body size, and passes a body below it whole", async () => {
    const tooLarge = await chat(port, "tiny", "x".repeat(65_536));
    expect([tooLarge.status, errorOf(tooLarge).message]).toEqual([
      413,
      "The request body is larger than the 65536 bytes allowed.",
    ]);
    expect((await chat(port, "tiny", "x".repeat(65_000))).status).toBe(200);
    expect(engine.requests.at(-1)!.bodySize).toBeGreaterThan(65_000);
  });

  test("answers 429 above a client's rate, with Retry-After, and leaves other clients and /health alone", async () => {
    const headers = bearer(OTHER_KEY);
    const many = await Promise.all(Array.from({ length: 150 }, () => send(port, "GET", "/v1/models", { headers })));
    const refused = many.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(30);
    expect(refused[0]!.headers.get("retry-after")).toBe("1");
    expect(errorOf(refused[0]!)).toMatchObject({ type: "requests", code: "rate_limit_exceeded" });
    expect((await send(port, "GET", "/v1/models", { headers: bearer(KEY) })).status).toBe(200);
    expect((await send(port, "GET", "/health", { headers })).status).toBe(200);
  });

  test("answers 403 where the host's own nginx.conf denies the address", async () => {
    const answer = await send(port, "GET", "/v1/models", { headers: bearer(KEY), localAddress: "127.0.0.2" });
    expect([answer.status, errorOf(answer).code]).toEqual([403, "forbidden"]);
  });

  test("keeps the engine's own error", async () => {
    const answer = await chat(port, "unknown");
    expect([answer.status, errorOf(answer).message]).toEqual([404, "model not found"]);
  });

  test("says when to come again where the engine is full, which itself does not", async () => {
    const answer = await chat(port, "busy");
    const { code } = errorOf(answer);
    expect([answer.status, code, answer.headers.get("retry-after")]).toEqual([503, "service_unavailable", "5"]);
  });

  test("answers 504 when the engine stays silent, 502 when it breaks off", async () => {
    const silent = await chat(port, "silent");
    expect([silent.status, errorOf(silent).code]).toEqual([504, "timeout"]);
    const broken = await chat(port, "broken");
    expect([broken.status, errorOf(broken).code]).toEqual([502, "bad_gateway"]);
  });

  test("answers 503 with Retry-After when the engine is down, at /health too", async () => {
    await engine.stop();
    for (const answer of [await chat(port), await send(port, "GET", "/health")]) {
      const { code } = errorOf(answer);
      expect([answer.status, code, answer.headers.get("retry-after")]).toEqual([503, "service_unavailable", "5"]);
    }
  });

  test("says at /health, without a key, that the engine answers, and not which version it is", async () => {
    const answer = await send(port, "GET", "/health");
    expect([answer.status, answer.headers.get("content-type"), answer.text]).toEqual([
      200,
      "application/json",
      '{"status":"ok"}',
    ]);
    expect((await send(port, "HEAD", "/health")).status).toBe(200);
  });

  test("keeps the key, cookies and the client's Host and Origin from the engine", async () => {
    const headers = { ...bearer(KEY), Origin: "https://evil.example", Cookie: "a=b", Host: "evil.example" };
    expect((await send(port, "GET", "/v1/models?a=b", { headers })).status).toBe(200);
    const seen = engine.requests.at(-1)!;
    expect(seen.url).toBe("/v1/models?a=b");
    expect(seen.headers).toMatchObject({ host: `localhost:${engine.port}` });
    for (const name of ["authorization", "origin", "cookie"]) expect(seen.headers).not.toHaveProperty(name);
  });

  test("passes /api/llm/ to the application with its caller's own Authorization", async () => {
    const headers = { Authorization: "Bearer of-the-application", Host: "llm.example:8443" };
    expect(JSON.parse((await send(port, "GET", "/api/llm/chat%20rooms?x=1", { headers })).text)).toEqual({
      url: "/api/llm/chat%20rooms?x=1",
      authorization: "Bearer of-the-application",
      host: "llm.example:8443",
    });
  });

  test("lets each event leave as it comes, whole and uncompressed", async () => {
    const { times, spread, text } = await streamCompletion(port, KEY);
    expect(times).toHaveLength(11);
    expect(spread).toBeGreaterThan(400);
    expect(text).toContain("가9");
    expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
  });

  test("lets the engine know when the client hangs up", async () => {
    const before = engine.abandoned;
    const abort = new AbortController();
    const response = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
      method: "POST",
      headers: bearer(KEY),
      body: JSON.stringify({ model: "tiny", stream: true }),
      signal: abort.signal,
    });
    await response.body!.getReader().read();
    abort.abort();
    await sleep(300);
    expect(engine.abandoned).toBe(before + 1);
  });

  test("logs one JSON line per request with the client's name, and no key or query anywhere", async () => {
    await send(port, "GET", "/v1/models?hidden=1", { headers: bearer(SECOND_KEY) });
    await sleep(50);
    const access = nginx.log("/var/log/nginx/tms-llm.access.log");
    expect(JSON.parse(access.trim().split("\n").at(-1)!)).toEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string,
      client: "tms",
      key: "tms/b/1",
      address: "127.0.0.1",
      method: "GET",
      path: "/v1/models",
      status: 200,
      bytes: expect.any(Number) as number,
      request_time: expect.any(Number) as number,
      upstream_connect_time: expect.stringMatching(/^\d\.\d{3}$/) as string,
      upstream_header_time: expect.stringMatching(/^\d\.\d{3}$/) as string,
      upstream_response_time: expect.stringMatching(/^\d\.\d{3}$/) as string,
    });
    expect(access).not.toContain("hidden");
    const logs = [access, nginx.log("/var/log/nginx/tms-llm.error.log"), nginx.log("/error.log")].join("");
    for (const key of Object.values(KEYS)) expect(logs).not.toContain(key);
  });
});

describe.skipIf(NGINX_MISSING)("the streaming check (needs nginx: apt-get install nginx)", () => {
  test("fails when nginx buffers as it does by default", async () => {
    const engine = await new EngineStandIn(await freePort()).start();
    onTestFinished(() => engine.stop());
    const port = await freePort();
    const step = sampleStep(gatewayConfig({ port, tls: { mode: "off" } }, engine.port));
    // The engine's chunks get through a buffering nginx that speaks HTTP/1.1 to it; 1.0 is the default of most versions.
    const buffering = sabotaged(
      sabotaged(step, "proxy_buffering off;", "proxy_buffering on;"),
      "proxy_http_version 1.1;",
      "proxy_http_version 1.0;",
    );
    const nginx = await Nginx.start(layOut(buffering, KEYS), port);
    onTestFinished(() => nginx.stop());
    expect((await streamCompletion(port, KEY)).spread).toBeLessThan(100);
  });
});

describe.skipIf(NGINX_MISSING)("nginx -t (needs nginx: apt-get install nginx)", () => {
  const everything = {
    port: 8443,
    nativeApi: true,
    applicationRoute: {},
    tls: { mode: "off" },
    rateLimit: { burst: 0 },
  };

  test("accepts the configuration with everything on", async () => {
    const files = layOut(sampleStep(gatewayConfig(everything), { embeddings: true }), KEYS);
    onTestFinished(() => files.remove());
    expect(await validate(files)).toContain("test is successful");
  });

  test("refuses a wrong one", async () => {
    const files = layOut(sabotaged(sampleStep(gatewayConfig(everything)), "gzip off;", "gzip of;"), KEYS);
    onTestFinished(() => files.remove());
    await expect(validate(files)).rejects.toThrow(/invalid value "of" in "gzip" directive/);
  });
});
