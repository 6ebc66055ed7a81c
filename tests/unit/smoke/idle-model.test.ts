import type { IncomingMessage, ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import { Client } from "../../../smoke/client";
import { askIdleModel } from "../../../smoke/idle-model";
import { target } from "./endpoint";

const PATH = "/v1/chat/completions";

/** Of a model that is loaded for the first request, which is not waited for, and for the second; then it is quick. */
async function ask(loadTimeout: number) {
  let asked = 0;
  const first = (request: IncomingMessage, response: ServerResponse) => {
    if (request.url !== PATH) return false;
    asked += 1;
    if (asked > 1) setTimeout(() => response.end("{}"), asked === 2 ? 600 : 0);
    return true;
  };
  const endpoint = await target({ first }, { objectives: { health: 1, ttft: 2, total: 0.4 }, loadTimeout });
  const client = new Client(endpoint);
  await askIdleModel(client, endpoint, PATH, { method: "POST", key: client.key, body: "{}" });
  return asked;
}

describe("a model that nobody has asked for long", () => {
  test("is loaded first, and asked once more then, so that its time is that of a loaded one", async () => {
    expect(await ask(5)).toBe(3);
  });

  test("is too late where its engine keeps models loaded", async () => {
    await expect(ask(0)).rejects.toThrow("not finished within 0.4 s");
  });
});
