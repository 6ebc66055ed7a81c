import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { cancelWithin } from "../../../smoke/checks/cancel";
import { runSmoke } from "../../../smoke/run";
import { DONE, END, event, target, type Behaviour } from "./endpoint";

const LIMIT = 100;
/** Tokens that the check asks for after a long prompt; what is longer is meant to be endless. */
const LONG_PROMPTS_ANSWER = 64;

interface Engine {
  /** Whether it gives an answer up when its client has left. */
  readonly minds: boolean;
  /** Milliseconds that an answer without a limit goes on. */
  readonly lasts: number;
}

/** An engine with one seat: who comes while it is taken waits. */
function oneSeat({ minds, lasts }: Engine): Behaviour {
  let free: Promise<void> = Promise.resolve();
  return {
    stream: (response, tokens) => {
      const answer = async () => {
        const endless = tokens.length > LONG_PROMPTS_ANSWER;
        const end = performance.now() + lasts;
        response.writeHead(200, { "Content-Type": "text/event-stream" });
        for (let token = 0; endless ? performance.now() < end : token < tokens.length; token += 1) {
          if (minds && response.destroyed) return;
          response.write(event({ content: "하나" }));
          await sleep(2);
        }
        response.end(END + DONE);
      };
      free = free.then(answer);
      return free;
    },
  };
}

const engine = {
  ...{ version: "0.17.4", question: [], unit: "tms-ollama.service", parallel: 1 },
  placement: { gpu: false, asks: "nobody" as const, question: [] },
};

async function found(behaviour: Behaviour, changes = {}) {
  const given = await target(behaviour, { exclude: [], engine, ...changes });
  return (await runSmoke(given, { checks: [cancelWithin(LIMIT)] })).checks[0]!;
}

test("an engine that gives up what nobody waits for is free at once", async () => {
  const check = await found(oneSeat({ minds: true, lasts: 10_000 }));
  expect(check).toMatchObject({
    verdict: "pass",
    observed: expect.stringMatching(
      /^next answer [\d.]+ ms after leaving mid-stream, [\d.]+ ms mid-prefill$/,
    ) as string,
  });
});

test("no answer is asked for that the engine's context would not hold", async () => {
  const context = 140;
  const check = await found(
    { ...oneSeat({ minds: true, lasts: 10_000 }), context },
    { engine: { ...engine, context } },
  );
  expect(check).toMatchObject({ verdict: "pass" });
});

test("an engine that goes on for nobody is told, by how long the next one waits", async () => {
  const { verdict, observed } = await found(oneSeat({ minds: false, lasts: 500 }));
  expect(verdict).toBe("fail");
  expect(observed).toMatch(/^the next answer began \d+ ms after 1 left, and [\d.]+ ms when idle$/);
});

test("an engine that never answers again is told as that", async () => {
  const engine = oneSeat({ minds: true, lasts: 10_000 });
  let asked = 0;
  // As Ollama 0.17 does now and then: whoever left keeps the seat.
  const stream: Behaviour["stream"] = (response, tokens) => {
    asked += 1;
    return asked > 4 ? undefined : engine.stream?.(response, tokens);
  };
  const objectives = { health: 1, ttft: 1, total: 1 };
  expect(await found({ stream }, { objectives })).toMatchObject({
    verdict: "fail",
    observed: "no answer any more after a client has left; on the host: systemctl restart tms-ollama.service",
  });
});

test("of answers that end soon nobody can tell whether they were given up", async () => {
  const { verdict, observed } = await found(oneSeat({ minds: true, lasts: 50 }));
  expect(verdict).toBe("inconclusive");
  expect(observed).toMatch(/^the longest answer lasted \d+ ms; nobody can tell/);
});

test("seats that can't be taken at the same time are an error, not a pass", async () => {
  const two = { engine: { ...engine, parallel: 2 }, objectives: { health: 1, ttft: 1, total: 1 } };
  expect(await found(oneSeat({ minds: true, lasts: 10_000 }), two)).toMatchObject({
    verdict: "error",
    observed: "only 1 of 2 requests were answered at the same time",
  });
});

test.each([
  { title: "is not known", changes: { engine: undefined }, observed: /is not known here$/ },
  { title: "is too large to fill", changes: { engine: { ...engine, parallel: 256 } }, observed: /takes 256 requests/ },
])("is not measured where the number of seats $title", async ({ changes, observed }) => {
  const check = await found({}, changes);
  expect(check).toMatchObject({ verdict: "inconclusive", observed: expect.stringMatching(observed) as string });
});
