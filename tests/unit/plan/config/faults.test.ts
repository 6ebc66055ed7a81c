import { describe, expect, test } from "vitest";
import { describeValue, formatPath, nearestName } from "../../../../plan/config/faults";

describe("formatPath", () => {
  test.for([
    [["gateway", "tls", "mode"], "tms-llm:gateway.tls.mode"],
    [["models", 0, "source"], "tms-llm:models[0].source"],
    [["clients", "Bad Name", "a"], 'tms-llm:clients["Bad Name"].a'],
  ] as const)("writes %j as Pulumi does", ([path, written]) => {
    expect(formatPath(path)).toBe(written);
  });
});

describe("describeValue", () => {
  test.for([
    [undefined, "nothing, the key is missing"],
    [null, "an empty value"],
    ["443", '"443"'],
    [443, "443"],
    [[], "an empty list"],
    [[1, 2], "a list of 2"],
    [{}, "an empty mapping"],
    [{ a: 1, b: 2 }, "a mapping with a, b"],
  ] as const)("says %j in words", ([value, words]) => {
    expect(describeValue(value)).toBe(words);
  });

  test("cuts a long text", () => {
    expect(describeValue("x".repeat(100))).toBe(`"${"x".repeat(59)}…"`);
  });

  test("never shows a private key", () => {
    expect(describeValue("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk")).toBe("a private key (not shown)");
  });
});

describe("nearestName", () => {
  const names = ["port", "serverName", "tls", "own-ca"];

  test.for([
    ["Port", "port"],
    ["prot", "port"],
    ["ports", "port"],
    ["server_name", "serverName"],
    ["servrNam", "serverName"],
    ["ownca", "own-ca"],
  ] as const)("takes %s for %s", ([written, meant]) => {
    expect(nearestName(written, names)).toBe(meant);
  });

  test.for(["colour", "ssl2", "x", ""])("takes %j for nothing", (written) => {
    expect(nearestName(written, names)).toBeUndefined();
  });
});
