import { describe, expect, it } from "vitest";
import { localCommand } from "../../../../toolchain/stand-ins/command/local";
import { remoteCommand } from "../../../../toolchain/stand-ins/command/remote";
import { faultsOf } from "../../../../toolchain/stand-ins/protocol/inputs";
import { secret, UNKNOWN, type Properties } from "../../../../toolchain/stand-ins/protocol/values";

const faults = (inputs: Properties) => faultsOf(inputs, remoteCommand.fields);

describe("the check of inputs", () => {
  it("accepts what the official plugin accepts, in clear, secret or not known yet", () => {
    expect(faults({ connection: secret({ host: "h", port: UNKNOWN }), stdin: secret("x"), triggers: [1, {}] })).toEqual(
      [],
    );
    expect(faults({ connection: secret(UNKNOWN), create: UNKNOWN })).toEqual([]);
  });

  it("names every fault at once and never a value", () => {
    const inputs = {
      connection: secret({ port: "22", prvateKey: "LEAK-1", password: ["LEAK-2"] }),
      environment: { A: 1 },
      stdin: { secret: "LEAK-3" },
      interpreter: [],
    };
    const found = faults(inputs);
    expect(found.map((fault) => fault.replace(/; supported: .*/, ""))).toMatchInlineSnapshot(`
      [
        "connection.port must be a number, found a string",
        "connection.prvateKey is not supported here",
        "connection.password must be a string, found a list",
        "connection.host is missing",
        "environment.A must be a string, found a number",
        "stdin must be a string, found an object",
        "interpreter is not supported here",
      ]
    `);
    expect(found.join()).not.toContain("LEAK");
  });

  it("refuses what the stand-in would otherwise drop silently", () => {
    expect(faultsOf({ create: "true", assetPaths: ["*"] }, localCommand.fields)[0]).toContain("assetPaths");
  });
});
