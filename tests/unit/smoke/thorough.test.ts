import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "vitest";
import type { Check } from "../../../smoke/check";
import { errors } from "../../../smoke/checks/errors";
import { overload } from "../../../smoke/checks/overload";
import { rateLimit } from "../../../smoke/checks/rate-limit";
import { success } from "../../../smoke/checks/success";
import { tuning } from "../../../smoke/checks/tuning";
import { runSmoke } from "../../../smoke/run";
import { DONE, END, event, streamWell, target, type Behaviour } from "./endpoint";

const only = async (check: Check, behaviour: Behaviour, changes = {}) =>
  (await runSmoke(await target(behaviour, { exclude: [], ...changes }), { checks: [check] })).checks[0]!;

/** Answers what `says` returns; undefined lets the endpoint answer. */
const answering = (says: (request: IncomingMessage) => [status: number, headers: object, body: string] | undefined) =>
  ({
    first: (
      request: IncomingMessage,
      response: { writeHead: (status: number, headers: object) => { end: (body: string) => void } },
    ) => {
      const said = says(request);
      if (said) response.writeHead(said[0], said[1]).end(said[2]);
      return said !== undefined;
    },
  }) as Behaviour;
const error = JSON.stringify({ error: { message: "no", type: "requests" } });

/** Refuses every list of models after the first few. */
const limitedTo = (allowed: number, headers: object, body = error) => {
  let asked = 0;
  return answering(({ url }) => (url === "/v1/models" && (asked += 1) > allowed ? [429, headers, body] : undefined));
};

describe("too many requests", () => {
  test("are told to wait", async () => {
    const { verdict, observed } = await only(rateLimit, limitedTo(20, { "Retry-After": "1" }));
    expect({ verdict, observed }).toEqual({ verdict: "pass", observed: "429 after 24 requests at most" });
  });

  test.each([
    { title: "nobody is told", behaviour: {}, observed: /^\d+ requests in \d+ ms, none refused$/ },
    { title: "without a time", behaviour: limitedTo(5, {}), observed: /^Retry-After is missing$/ },
    { title: "with a time of nought", behaviour: limitedTo(5, { "Retry-After": "0" }), observed: /^Retry-After is 0$/ },
    {
      title: "by a web page",
      behaviour: limitedTo(5, { "Retry-After": "1" }, "<html>"),
      observed: /not in OpenAI's form/,
    },
  ])("fail when $title", async ({ behaviour, observed }) => {
    const found = await only(rateLimit, behaviour, { rateLimit: { requestsPerMinute: 60, burst: 5 } });
    expect(found).toMatchObject({ verdict: "fail", observed: expect.stringMatching(observed) as string });
  });

  test("are not measured where the limit is not known", async () => {
    expect(await only(rateLimit, {}, { rateLimit: undefined })).toMatchObject({ verdict: "inconclusive" });
  });
});

describe("a client's mistakes", () => {
  const explained = (form: string) =>
    answering(({ method, url, headers }) => {
      if (url !== "/v1/chat/completions") return undefined;
      if (method === "GET") return [405, {}, error];
      return Number(headers["content-length"]) > 1 ? [404, {}, form] : [400, {}, error];
    });

  test("are explained", async () => {
    expect(await only(errors, explained(error))).toMatchObject({ verdict: "pass" });
  });

  test("fail when one of them is not in OpenAI's form, or has another status", async () => {
    expect(await only(errors, explained('{"error":"no model"}'))).toMatchObject({
      verdict: "fail",
      observed: "404 for an unknown model, not in OpenAI's form",
    });
    const careless = answering(({ url }) => (url === "/v1/chat/completions" ? [200, {}, "{}"] : undefined));
    expect((await only(errors, careless)).observed).toBe(
      "200 for an unknown model; 200 for a body that is not JSON; 200 for another method",
    );
  });
});

/** Few enough that the test stays quick: the endpoint's own answers are long. */
const brief: Behaviour["stream"] = (response, tokens) => {
  response.writeHead(200, { "Content-Type": "text/event-stream" });
  response.end(tokens.map((content) => event({ content })).join("") + END + DONE);
};

describe("three hundred requests", () => {
  test("pass when all succeed in time", async () => {
    const found = await only(success, { stream: brief });
    expect(found).toMatchObject({ verdict: "pass", observed: expect.stringMatching(/^300 streams, p95/) as string });
    expect(found.evidence!["firstTokens"]).toHaveLength(300);
  });

  test("fail when one of them does", async () => {
    let count = 0;
    const stream: Behaviour["stream"] = (response, tokens) =>
      (count += 1) === 150 ? void response.writeHead(502).end("bad gateway") : brief(response, tokens);
    expect(await only(success, { stream })).toMatchObject({
      verdict: "fail",
      observed: "1 of 300 failed: status 502",
    });
  });

  test("fail when one in ten is late", async () => {
    let count = 0;
    const stream: Behaviour["stream"] = (response, tokens) => {
      setTimeout(() => void brief(response, tokens), (count += 1) % 10 === 0 ? 60 : 0);
    };
    const objectives = { health: 1, ttft: 0.05, total: 10 };
    expect((await only(success, { stream }, { objectives })).observed).toMatch(/^first token at p95 after \d+ ms$/);
  });
});

describe("SQL-tuning prompts", () => {
  test("pass when each is answered in Korean", async () => {
    const found = await only(tuning, { stream: streamWell });
    expect(found.verdict).toBe("pass");
    expect(Object.keys(found.evidence!)).toEqual(["tuning", "explain", "index", "rewrite"]);
  });

  test("fail by the name of the one that is not answered whole", async () => {
    let count = 0;
    const stream: Behaviour["stream"] = (response, tokens) =>
      (count += 1) === 3 ? streamWell(response, tokens, END) : streamWell(response, tokens);
    expect((await only(tuning, { stream })).observed).toBe("index: no [DONE] at the end");
  });

  test("are inconclusive when an answer is in no Korean", async () => {
    const stream: Behaviour["stream"] = (response) => streamWell(response, ["Use", " an", " index."]);
    expect(await only(tuning, { stream })).toMatchObject({
      verdict: "inconclusive",
      observed: "4 of 4 answers have no Korean",
    });
  });
});

describe("an engine that is full", () => {
  const engine = {
    ...{ version: "0.32.0", question: [], unit: "llm-vllm.service", parallel: 2, queue: 2 },
    placement: { gpu: false, asks: "nobody" as const, question: [] },
  };
  /** Refuses whoever comes when `parallel + queue` are there; nobody is ever done. */
  const full = (status: number, headers: object, body = error): Behaviour => {
    let there = 0;
    return {
      first: (request, response) => {
        if (request.url !== "/v1/chat/completions") return false;
        there += 1;
        if (there > 4) response.writeHead(status, { ...headers }).end(body);
        return true;
      },
    };
  };

  test("tells who comes then to come back", async () => {
    const found = await only(overload, full(503, { "Retry-After": "5" }), { engine });
    expect(found).toMatchObject({ verdict: "pass", observed: "503 when 8 ask at once" });
  });

  test("is asked once more where the rate limit had no room for so many", async () => {
    const then = full(503, { "Retry-After": "5" });
    let limited: NodeJS.Timeout | undefined;
    let over = false;
    const behaviour: Behaviour = {
      first: (request, response) => {
        if (request.url !== "/v1/chat/completions" || over) return then.first!(request, response);
        limited ??= setTimeout(() => (over = true), 300);
        response.writeHead(429, { "Retry-After": "1" }).end(error);
        return true;
      },
    };
    const rate = { requestsPerMinute: 600, burst: 20 };
    expect(await only(overload, behaviour, { engine, rateLimit: rate })).toMatchObject({ verdict: "pass" });
    const never = answering(({ url }) => (url === "/v1/chat/completions" ? [429, {}, error] : undefined));
    expect(await only(overload, never, { engine })).toMatchObject({
      verdict: "fail",
      observed: "status 429; Retry-After is missing",
    });
  });

  test.each([
    {
      title: "with a web page",
      behaviour: full(503, { "Retry-After": "5" }, "<html>"),
      observed: "not in OpenAI's form",
    },
    { title: "without a time", behaviour: full(503, {}), observed: "Retry-After is missing" },
    { title: "as its own failure", behaviour: full(500, { "Retry-After": "5" }), observed: "status 500" },
    { title: "not at all", behaviour: {}, observed: "8 at once, none refused" },
  ])("fails when it refuses $title", async ({ behaviour, observed }) => {
    expect(await only(overload, behaviour, { engine })).toMatchObject({ verdict: "fail", observed });
  });

  test.each([
    { title: "the engine has no bound", changes: { engine: { ...engine, queue: undefined } } },
    { title: "the rate limit comes first", changes: { engine, rateLimit: { requestsPerMinute: 60, burst: 7 } } },
    {
      title: "the rate limit has no room for minutes",
      changes: { engine, rateLimit: { requestsPerMinute: 6, burst: 60 } },
    },
    { title: "it takes a load test", changes: { engine: { ...engine, queue: 4096 } } },
  ])("is not asked where $title", async ({ changes }) => {
    const report = await runSmoke(await target({}, { exclude: [], ...changes }), { checks: [overload] });
    expect(report.checks).toEqual([]);
  });
});
