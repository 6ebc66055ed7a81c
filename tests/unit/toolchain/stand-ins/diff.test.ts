import { describe, expect, it } from "vitest";
import { changesBetween, inputOf } from "../../../../toolchain/stand-ins/protocol/diff";
import { secret, UNKNOWN } from "../../../../toolchain/stand-ins/protocol/values";

const asset = (hash: string, path: string) => ({
  "4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17",
  hash,
  path,
});

describe("changes between two sets of inputs", () => {
  it("are none for equal inputs, whichever of them is secret", () => {
    expect(changesBetween({ stdin: secret("x"), a: [1, { b: 2 }] }, { stdin: "x", a: [1, { b: 2 }] })).toEqual([]);
  });

  it("are listed leaf by leaf, with the kind of each", () => {
    const before = { connection: secret({ host: "a", port: 22 }), triggers: ["1"], stdin: "x" };
    const after = { connection: secret({ host: "b", port: 22 }), triggers: ["1", "2"], create: "y" };
    expect(changesBetween(before, after)).toEqual([
      { path: "connection.host", kind: "update" },
      { path: "create", kind: "add" },
      { path: "stdin", kind: "delete" },
      { path: "triggers[1]", kind: "add" },
    ]);
  });

  it("quote keys that are no identifiers", () => {
    expect(changesBetween({ tmpfs: {} }, { tmpfs: { "/run": "" } })).toEqual([{ path: 'tmpfs["/run"]', kind: "add" }]);
  });

  it("count a value that is not known yet as a change", () => {
    expect(changesBetween({ triggers: ["id"] }, { triggers: [UNKNOWN] })).toEqual([
      { path: "triggers[0]", kind: "update" },
    ]);
  });

  it("tell assets apart by what is in them, not by where they lie", () => {
    expect(changesBetween({ source: asset("1", "a") }, { source: asset("1", "b") })).toEqual([]);
    expect(changesBetween({ source: asset("1", "a") }, { source: asset("2", "a") })).toEqual([
      { path: "source", kind: "update" },
    ]);
  });

  it("pass over the notes that a provider leaves in the state", () => {
    expect(changesBetween({ __defaults: ["name"], name: "a" }, { __defaults: [], name: "a" })).toEqual([]);
  });
});

it("a path starts at its input", () => {
  expect(["triggers[0]", "connection.host", 'tmpfs["/run"]', "stdin"].map(inputOf)).toEqual([
    "triggers",
    "connection",
    "tmpfs",
    "stdin",
  ]);
});
