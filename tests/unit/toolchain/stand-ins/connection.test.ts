import { describe, expect, it } from "vitest";
import { normalisedConnection } from "../../../../toolchain/stand-ins/command/connection";
import { remoteCommand } from "../../../../toolchain/stand-ins/command/remote";
import { secret, UNKNOWN } from "../../../../toolchain/stand-ins/protocol/values";

const DEFAULTS = { user: "root", port: 22, dialErrorLimit: 10, perDialTimeout: 15 };

describe("a connection in the state", () => {
  it("is one secret with its keys as secrets of their own and the defaults written out, a proxy's too", () => {
    const given = { host: "h", user: "u", privateKey: "k", proxy: { host: "p", password: "w" } };
    expect(normalisedConnection(given)).toEqual(
      secret({
        ...DEFAULTS,
        host: "h",
        user: "u",
        privateKey: secret("k"),
        proxy: { ...DEFAULTS, host: "p", password: secret("w") },
      }),
    );
  });

  it("stays the same when it is checked again", () => {
    const once = normalisedConnection({ host: "h", privateKey: "k" });
    expect(normalisedConnection(once)).toEqual(once);
  });

  it("stays a secret while it is not known", () => {
    expect(normalisedConnection(secret(UNKNOWN))).toEqual(secret(UNKNOWN));
  });
});

it("a remote command with an environment is refused by name, without its values", () => {
  const context = { urn: "", name: "a", signal: new AbortController().signal, report: () => undefined };
  const inputs = { connection: { host: "h" }, environment: secret({ TOKEN: secret("LEAK") }) };
  const checked = remoteCommand.check?.(inputs, undefined, context);
  expect(checked?.faults.join()).toMatch(/environment \(TOKEN\).*AcceptEnv.*stdin/s);
  expect(checked?.faults.join()).not.toContain("LEAK");
});
