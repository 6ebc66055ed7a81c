import { describe, expect, it } from "vitest";
import { ToolchainError } from "../../../toolchain/failure";
import type { Piece } from "../../../toolchain/piece";
import { lineProgress } from "../../../toolchain/progress";
import { Run } from "../../../toolchain/run";

const events: string[] = [];
const progress = lineProgress((line) => events.push(line));

function piece(name: string, behaviour: Partial<Piece<string>>): Piece<string> {
  return {
    name,
    find: () => Promise.resolve(undefined),
    plan: () => Promise.resolve({ how: "built", seconds: 1 }),
    make: () => Promise.resolve(`made ${name}`),
    ...behaviour,
  };
}
const fault = (what: string) => new ToolchainError(what, "it is not there", `Install ${what}`);

describe("a run", () => {
  it("uses what is there and makes, after announcing it, what is not", async () => {
    events.length = 0;
    const run = new Run();
    const there = run.add(piece("A", { find: () => Promise.resolve("found A") }));
    const missing = run.add(piece("B", {}));
    await run.make(progress);
    expect([await there.result, await missing.result]).toEqual(["found A", "made B"]);
    expect(events).toEqual([
      "Going to install on this machine:",
      "  - B: built, about 1 s",
      "  B: ready after 0 s (1 of 1)",
    ]);
  });

  it("says nothing and plans nothing when everything is there", async () => {
    events.length = 0;
    const run = new Run();
    run.add(
      piece("A", { find: () => Promise.resolve("found"), plan: () => Promise.reject(new Error("must not be asked")) }),
    );
    await run.make(progress);
    expect(events).toEqual([]);
  });

  it("lets one piece wait for another", async () => {
    const run = new Run();
    const first = run.add(piece("first", {}));
    const second = run.add(piece("second", { make: async () => `after ${await first.result}` }));
    await run.make(progress);
    expect(await second.result).toBe("after made first");
  });

  it("names everything that cannot be had, and touches nothing", async () => {
    const made: string[] = [];
    const note = (name: string) => () => Promise.resolve(String(made.push(name)));
    const run = new Run();
    run.add(piece("A", { plan: () => Promise.reject(fault("Docker")), make: note("A") }));
    run.add(piece("B", { plan: () => Promise.reject(fault("Go")), make: note("B") }));
    run.add(piece("C", { make: note("C") }));
    await expect(run.make(progress)).rejects.toThrowErrorMatchingInlineSnapshot(`
      [ToolchainError: 2 things are missing on this machine:
          - Docker
          - Go
        Why:
          - it is not there
        Way out:
          - Install Docker
          - Install Go]
    `);
    expect(made).toEqual([]);
  });

  it("ends with the first failure, which those that waited for it share", async () => {
    const run = new Run();
    const first = run.add(piece("first", { make: () => Promise.reject(fault("Docker")) }));
    run.add(piece("second", { make: () => first.result }));
    await expect(run.make(progress)).rejects.toThrow("Docker");
  });

  it("can be asked what it would do", async () => {
    const run = new Run();
    run.add(piece("A", { find: () => Promise.resolve("found") }));
    run.add(piece("B", {}));
    run.add(piece("C", { plan: () => Promise.reject(fault("Go")) }));
    expect((await run.survey()).map(({ name, state }) => `${name} ${state}`)).toEqual([
      "A ready",
      "B missing",
      "C impossible",
    ]);
  });
});
