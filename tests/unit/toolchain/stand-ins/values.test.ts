import { describe, expect, it } from "vitest";
import { hasUnknown, isSecret, reveal, secret, UNKNOWN, unwrap } from "../../../../toolchain/stand-ins/protocol/values";

describe("property values", () => {
  it("marks a value as secret with the engine's own signature", () => {
    expect(secret("key")).toEqual({
      "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
      value: "key",
    });
  });

  it("does not wrap a secret twice", () => {
    const once = secret("key");
    expect(secret(once)).toBe(once);
  });

  it("takes only the outer wrapper off", () => {
    const inner = unwrap(secret({ password: secret("p") })) as { password: unknown };
    expect(isSecret(inner.password)).toBe(true);
  });

  it("reveals secrets at every depth and leaves assets whole", () => {
    const asset = { "4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17", hash: "h", path: "p" };
    const value = secret({ list: [secret("a"), { b: secret(1) }], asset });
    expect(reveal(value)).toEqual({ list: ["a", { b: 1 }], asset });
  });

  it("finds what a preview does not know, behind secrets and in lists", () => {
    expect(hasUnknown({ a: ["known", secret(UNKNOWN)] })).toBe(true);
    expect(hasUnknown({ a: ["known", secret("known")] })).toBe(false);
  });
});
