import { describe, expect, test } from "vitest";
import { keyRows, parseKeyUsage } from "../../../plan/key-usage";

const NOW = new Date("2026-06-01T12:00:00Z");

const HOST = [
  { live: "tms/a/1" },
  { live: "old/a/3" },
  { since: "2026-05-20T00:00:00+09:00" },
  { key: "tms/a/1", lastUse: "2026-06-01T20:59:00+09:00" },
]
  .map((line) => JSON.stringify(line))
  .join("\n");

const A = { name: "client/tms/a", generation: 1 };
const B = { name: "client/tms/b", generation: 2 };

describe("keyRows", () => {
  test("sets the stack file's keys beside the host's", () => {
    expect(keyRows([A, B], parseKeyUsage(HOST), NOW)).toEqual([
      { client: "tms", slot: "a", generation: 1, state: "live", lastUse: new Date("2026-06-01T11:59:00Z") },
      { client: "tms", slot: "b", generation: 2, state: "not deployed" },
      { client: "old", slot: "a", generation: 3, state: "no longer planned" },
    ]);
  });

  test("says which key has ended, and which one ends soon", () => {
    const [ended, soon] = ["2026-05-31", "2026-06-10"].map(
      (expires) => keyRows([{ ...A, expires }], parseKeyUsage(HOST), NOW)[0],
    );
    expect(ended).toMatchObject({ state: "ended", daysLeft: -1 });
    expect(soon).toMatchObject({ state: "live", daysLeft: 9 });
  });

  test("has the stack file alone where the host was not asked", () => {
    expect(keyRows([A], undefined, NOW)).toEqual([{ client: "tms", slot: "a", generation: 1, state: "planned" }]);
  });

  test("a host without a log has not seen any use", () => {
    expect(parseKeyUsage("")).toEqual({ live: [], lastUse: new Map() });
  });
});
