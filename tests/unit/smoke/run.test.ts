import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { fail, inconclusive, pass, type Check, type Finding } from "../../../smoke/check";
import { NoAnswer } from "../../../smoke/no-answer";
import { runSmoke } from "../../../smoke/run";
import { GATE, THOROUGH } from "../../../smoke/sets";
import { renderTable } from "../../../smoke/report-terminal";
import { KEY, target } from "./endpoint";

const check = (id: string, run: () => Finding | Promise<Finding>, more: Partial<Check> = {}): Check => ({
  id,
  title: id,
  demand: () => "anything",
  run: async () => run(),
  ...more,
});

const run = async (checks: readonly Check[], exclude: string[] = []) =>
  runSmoke(await target({}, { exclude }), { checks });

describe("a run", () => {
  test("blocks what needs a check that did not pass, by the name of the first one", async () => {
    for (const spoiled of [() => fail("no"), () => inconclusive("?"), () => Promise.reject(new Error("bug"))]) {
      const report = await run([
        check("first", spoiled),
        check("second", () => pass("yes"), { needs: "first" }),
        check("third", () => pass("yes"), { needs: "second" }),
        check("other", () => pass("yes")),
      ]);
      const [, second, third, other] = report.checks;
      expect(second).toMatchObject({ verdict: "blocked", blockedBy: "first", observed: "blocked by first" });
      expect(third).toMatchObject({ verdict: "blocked", blockedBy: "first" });
      expect(other?.verdict).toBe("pass");
    }
  });

  test("takes a check that throws for an error, and an endpoint without an answer for a failure", async () => {
    const report = await run([
      check("broken", () => Promise.reject(new Error(`docker is missing, ${KEY}`))),
      check("down", () => Promise.reject(new NoAnswer("nothing listens"))),
    ]);
    expect(report.checks).toMatchObject([
      { verdict: "error", observed: "docker is missing, [tms's key]" },
      { verdict: "fail", observed: "nothing listens" },
    ]);
  });

  test("leaves out what is excluded, says so, and does not wait for it", async () => {
    const report = await run(
      [check("out", () => fail("no")), check("in", () => pass("yes"), { needs: "out" })],
      ["out"],
    );
    expect(report).toMatchObject({ verdict: "pass", excluded: ["out"] });
    expect(renderTable(report)).toContain("left out: out");
  });

  test("of nothing but exclusions has proven nothing", async () => {
    expect((await run([check("out", () => pass("yes"))], ["out"])).verdict).toBe("error");
  });

  test("lets nothing run beside a check that measures alone", async () => {
    const running = new Set<string>();
    const beside: Record<string, string[]> = {};
    const timed = (id: string, more: Partial<Check> = {}) =>
      check(
        id,
        async () => {
          running.add(id);
          await sleep(5);
          beside[id] = [...running].filter((other) => other !== id);
          await sleep(5);
          running.delete(id);
          return pass("yes");
        },
        more,
      );
    await run([
      timed("alone", { alone: true }),
      timed("a"),
      timed("b"),
      timed("after", { alone: true, needs: "a" }),
      timed("disturbing", { last: true }),
      timed("late", { needs: "after" }),
    ]);
    expect(beside).toEqual({ alone: [], a: ["b"], b: ["a"], after: [], late: [], disturbing: [] });
    expect(Object.keys(beside).at(-1)).toBe("disturbing");
  });

  test("refuses checks that wait for one another", async () => {
    const circle = [check("a", () => pass(""), { needs: "b" }), check("b", () => pass(""), { needs: "a" })];
    await expect(run(circle)).rejects.toThrow("the checks wait for one another");
  });
});

test.each([
  { name: "gate", set: GATE },
  { name: "thorough", set: THOROUGH },
])("each check of the $name set needs one of the set", ({ set }) => {
  const ids = set.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(set.map(({ needs }) => needs).filter((needs) => needs !== undefined && !ids.includes(needs))).toEqual([]);
});

test("the table shows demand and evidence of what did not pass, and of nothing else", async () => {
  const report = await run([
    check("good", () => pass("fine", { secret: "unseen" })),
    check("bad", () => fail("not fine", { status: 500 })),
  ]);
  expect(renderTable(report).replace(/\d+\.\d s/, "0.1 s")).toMatchInlineSnapshot(`
    "┌────────────────────────────────────────────┬──────────────┬──────────────────────────────────────────────────────────────┐
    │ check                                      │ verdict      │ observed                                                     │
    │ good                                       │ pass         │ fine                                                         │
    │ bad                                        │ fail         │ not fine                                                     │
    └────────────────────────────────────────────┴──────────────┴──────────────────────────────────────────────────────────────┘
    bad (bad): fail
      demanded: anything
      observed: not fine
      evidence: {"status":500}
    Smoke test: fail (2 checks, 0.1 s)"
  `);
});
