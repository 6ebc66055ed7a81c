import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { figures } from "../../../../bench/load/figures";
import { benchReportSchema } from "../../../../bench/load/report";
import { Allowance } from "../../../../bench/load/schedule";
import { requestBody, runStage, type Stage } from "../../../../bench/load/stage";
import { generator } from "../../../../bench/statistics";
import { Client } from "../../../../smoke/client";
import { DONE, END, event, streamWell, target, type Behaviour } from "../../smoke/endpoint";

const STAGE: Stage = {
  ...{ requests: 12, timeoutMilliseconds: 5000 },
  body: (number) => requestBody({ model: "tiny", tokens: 8, number }),
  load: { kind: "closed", concurrency: 3 },
};

async function run(behaviour: Behaviour, changes: Partial<Stage> = {}, requestsPerMinute = 600_000) {
  const client = new Client(await target(behaviour), 32);
  let asked = 0;
  try {
    return await runStage(
      { ...STAGE, ...changes },
      {
        ...{ client, random: generator(1), nextNumber: () => (asked += 1) },
        allowance: new Allowance({ requestsPerMinute, burst: 1000 }),
      },
    );
  } finally {
    await client.close();
  }
}

/** Counts how many answers are under way at the same time. */
function counting(lasts: number) {
  const seen = { most: 0, now: 0 };
  const stream: NonNullable<Behaviour["stream"]> = async (response) => {
    seen.most = Math.max(seen.most, (seen.now += 1));
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.write(event({ content: "하나" }));
    await sleep(lasts);
    seen.now -= 1;
    response.end(event({ content: " 둘" }) + END + DONE);
  };
  return { seen, stream };
}

describe("a closed loop", () => {
  test("keeps as many requests under way as it has clients, and asks as often as it was told", async () => {
    const { seen, stream } = counting(10);
    const { samples } = await run({ stream });
    expect(samples).toHaveLength(12);
    expect(seen.most).toBe(3);
    expect(samples.filter(({ fault }) => fault !== undefined)).toEqual([]);
  });

  test("counts a request that fails, and goes on", async () => {
    let asked = 0;
    const stream: NonNullable<Behaviour["stream"]> = (response, tokens) =>
      (asked += 1) % 4 === 0 ? void response.writeHead(502).end("bad gateway") : streamWell(response, tokens);
    const { samples, milliseconds } = await run({ stream });
    expect(figures(samples, milliseconds, { ttft: 5, total: 5 })).toMatchObject({
      ...{ requests: 12, succeeded: 9, good: 0.75 },
      faults: { "status 502": 3 },
    });
  });
});

describe("an open loop", () => {
  test("does not wait for answers: what a slow endpoint holds up shows in the times", async () => {
    const { seen, stream } = counting(200);
    const { samples } = await run({ stream }, { load: { kind: "open", perSecond: 100, arrivals: "fixed" } });
    expect(seen.most).toBeGreaterThan(6);
    samples.forEach(({ due }, index) => expect(due).toBeCloseTo(index * 10, 6));
  });

  test("counts from the moment at which a request was due: a connection that is waited for is part of its time", async () => {
    let free = Promise.resolve();
    // One answer at a time, 30 ms each, at a hundred requests a second: the last one waits for all before it.
    const stream: NonNullable<Behaviour["stream"]> = (response, tokens) =>
      (free = free.then(async () => {
        await sleep(30);
        await streamWell(response, tokens);
      }));
    const { samples } = await run({ stream }, { load: { kind: "open", perSecond: 100, arrivals: "fixed" } });
    expect(samples.at(-1)!.firstToken).toBeGreaterThan(12 * 30 - 12 * 10);
  });
});

test("the published schema is the one that the code has; else run vitest with -u", async () => {
  const schema = `${JSON.stringify(z.toJSONSchema(benchReportSchema), null, 2)}\n`;
  await expect(schema).toMatchFileSnapshot("../../../../docs/schemas/bench.v1.json");
});
