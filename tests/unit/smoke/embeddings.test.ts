import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { runSmoke } from "../../../smoke/run";
import { KEY, target } from "./endpoint";
import { result } from "./sabotage";

type Vectors = (inputs: number) => unknown[];

/** An endpoint whose path for embeddings is open. */
const serving = (vectors: Vectors, status = 200) => ({
  first: (request: IncomingMessage, response: ServerResponse) => {
    if (request.url !== "/v1/embeddings" || request.method !== "POST") return false;
    if (request.headers.authorization !== `Bearer ${KEY}`) {
      response.writeHead(401).end(JSON.stringify({ error: { message: "no such key", type: "invalid_request_error" } }));
      return true;
    }
    void text(request).then((body) => {
      const { input = [] } = JSON.parse(body) as { input?: string[] };
      const data = vectors(input.length).map((embedding, index) => ({ object: "embedding", index, embedding }));
      response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify({ data }));
    });
    return true;
  },
});
const good: Vectors = (inputs) => Array.from({ length: inputs }, (_, index) => [0.5, -0.25, index]);

async function found(behaviour: ReturnType<typeof serving>) {
  const report = await runSmoke(await target(behaviour, { embeddingModel: "vectors" }));
  return result(report, "embeddings");
}

describe("embeddings", () => {
  test("pass when each text has a vector of its own", async () => {
    expect(await found(serving(good))).toMatchObject({ verdict: "pass", observed: "2 vectors of 3 numbers" });
  });

  test.each<[title: string, observed: string, behaviour: ReturnType<typeof serving>]>([
    ["the engine refuses", "status 500, with vectors", serving(good, 500)],
    ["there is no vector", "status 200, no vectors", serving(() => [])],
    ["a number is none", "status 200, no vectors", serving(() => [["NaN"], [1]])],
    ["one text is left out", "1 vectors for 2 texts", serving(() => [[1, 2]])],
    ["lengths differ", "vectors of 1 and of 2 numbers", serving(() => [[1], [1, 2]])],
    ["all is nothing", "a vector of nothing", serving(() => [[0], [1]])],
    ["all texts are one", "the same vector for different texts", serving(() => [[1], [1]])],
  ])("fail when %s", async (_, observed, behaviour) => {
    const { verdict, observed: said } = await found(behaviour);
    expect(verdict).toBe("fail");
    expect(said).toContain(observed);
  });

  test("are not looked for where there is no model for them, and their path must be closed", async () => {
    const report = await runSmoke(await target(serving(good)));
    expect(report.checks.map(({ id }) => id)).not.toContain("embeddings");
    expect(result(report, "allowlist")).toMatchObject({
      verdict: "fail",
      observed: expect.stringContaining("POST /v1/embeddings: 200") as string,
    });
  });
});
