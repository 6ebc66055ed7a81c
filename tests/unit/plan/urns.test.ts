import { describe, expect, test } from "vitest";
import { NO_DELIVERIES } from "../../../plan/deliveries";
import type { Plan } from "../../../plan/plan";
import type { PlannedArtifact } from "../../../plan/step";
import { phaseUrns } from "../../../plan/urns";

const sha256 = "0123456789abcdef".repeat(4);

describe("the resources that put a phase on the host", () => {
  const names = (source: PlannedArtifact["source"], held: readonly string[] = [], deliveries = NO_DELIVERIES) => {
    const artifacts: PlannedArtifact[] = [{ name: "ollama", sha256, source }];
    const plan = { steps: [{ phase: "engine", artifacts }] } as unknown as Plan;
    return phaseUrns("p", "s", plan, ["engine"], held, deliveries).map((urn) => urn.slice(urn.lastIndexOf(":") + 1));
  };
  const local = { kind: "local", path: "/ollama.tar.zst" } as const;

  test.each([
    ["its command, and what is sent for it", names(local), ["ollama-0123456789ab", "phase-engine"]],
    ["the command alone, where the host has the artifact", names(local, [sha256]), ["phase-engine"]],
    [
      "its command, and what is sent where the host does not reach the URL",
      names({ kind: "url", url: "https://x", orSent: { path: "/a" } }, [], { unsent: [], sent: [sha256] }),
      ["ollama-0123456789ab", "phase-engine"],
    ],
    ["the command alone, where the host downloads it", names({ kind: "url", url: "https://x" }), ["phase-engine"]],
  ])("%s", (_, found, expected) => {
    expect(found).toEqual(expected);
  });
});
