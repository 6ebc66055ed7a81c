import { describe, expect, it } from "vitest";
import { type Marker, standInsDue, standInSources } from "../../../toolchain/stand-in-marker";

const wanted = [
  { name: "command", version: "1.2.1" },
  { name: "random", version: "4.21.2" },
];
const now = new Date("2026-11-21T12:00:00Z");
const marker: Marker = {
  plugins: { command: "1.2.1" },
  sources: standInSources(),
  checked: "2026-11-21T11:00:00Z",
};

describe("standInsDue", () => {
  it.each<[string, Marker, boolean, boolean]>([
    ["a fresh stand-in in a sandbox stays", marker, true, false],
    ["no stand-in is there", { plugins: {} }, true, false],
    ["a stand-in of another version does not count", { ...marker, plugins: { command: "1.2.0" } }, true, false],
    ["a stand-in must go where it is not allowed", marker, false, true],
    ["its sources have changed", { ...marker, sources: "other" }, true, true],
    [
      "the official ones were last tried more than a day ago",
      { ...marker, checked: "2026-11-20T11:00:00Z" },
      true,
      true,
    ],
  ])("%s", (_, given, allowStandIns, due) => {
    expect(standInsDue(given, wanted, { allowStandIns, now })).toBe(due);
  });
});
