import { describe, expect, it } from "vitest";
import { deployedAt, parseState, pendingCreates, recordedFacts } from "../../../cli/pulumi-state";

const urn = (name: string) => `urn:pulumi:dev::tms-llm::command:remote:Command::${name}`;
const type = "command:remote:Command";

describe("what Pulumi's state tells about work that was broken off", () => {
  it("names what was being made; changes and removals Pulumi does again by itself", () => {
    const operation = (kind: string, name: string) => ({ type: kind, resource: { urn: urn(name), type } });
    const text = JSON.stringify({
      deployment: {
        pending_operations: [operation("creating", "phase-base"), operation("updating", "phase-model")],
      },
    });
    expect(pendingCreates(parseState(text))).toEqual([{ name: "phase-base", type }]);
  });

  it("has what preflight found, once it has run", () => {
    const preflight = { urn: urn("host-preflight"), type, outputs: { stdout: "{}" } };
    expect(recordedFacts(parseState(JSON.stringify({ deployment: { resources: [preflight] } })))).toBe("{}");
    expect(recordedFacts(parseState(JSON.stringify({ deployment: {} })))).toBeUndefined();
  });

  it("has where the host was, which the stack file may no longer say", () => {
    const anchor = { urn: urn("host-anchor"), type, outputs: { create: "# tms-llm anchor\nas=\n# on 192.0.2.7:22" } };
    expect(deployedAt(parseState(JSON.stringify({ deployment: { resources: [anchor] } })))).toBe("192.0.2.7:22");
    expect(deployedAt(parseState(JSON.stringify({ deployment: {} })))).toBeUndefined();
  });
});
