import { describe, expect, test } from "vitest";
import { waysToConfirm } from "../../../cli/address";

describe("where a host has to be reached before its address is kept", () => {
  const fixed = { goal: "fixed", reach: ["192.168.0.100", "fd00::100"] } as const;
  const former = { goal: "former", reach: ["192.168.0.57"] } as const;

  test.each([
    ["at any of its new addresses", fixed, "192.168.0.57", ["192.168.0.100", "fd00::100"]],
    ["at the one that the stack file names, where that is among them", fixed, "192.168.0.100", ["192.168.0.100"]],
    ["at what it had before, or where the stack file says", former, "192.168.0.100", ["192.168.0.57", "192.168.0.100"]],
  ])("%s", (_, look, target, ways) => {
    expect(waysToConfirm(look, target)).toEqual(ways);
  });
});
