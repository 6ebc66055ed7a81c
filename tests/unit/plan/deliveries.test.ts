import { describe, expect, test } from "vitest";
import { type DeliveryCircumstances, decideDeliveries, parseDeliveries, sentFile } from "../../../plan/deliveries";
import type { PlannedArtifact } from "../../../plan/step";

const sha256 = "0123456789abcdef".repeat(4);
const url = "https://github.com/ollama.tar.zst";
const file = (orSent?: { path?: string }): PlannedArtifact => ({
  name: "ollama",
  sha256,
  source: { kind: "url", url, ...(orSent && { orSent }) },
});
const LOCAL: PlannedArtifact = { name: "weights", sha256, source: { kind: "local", path: "/weights.gguf" } };

interface Case {
  readonly artifact?: PlannedArtifact;
  readonly held?: boolean;
  readonly wasSent?: boolean;
  readonly isHere?: boolean;
  readonly reaches?: boolean;
}

/** What is decided, with the file that is then sent. */
function decided({ artifact = file({ path: "/a" }), held, wasSent, isHere, reaches }: Case) {
  const circumstances: DeliveryCircumstances = {
    held: held ? [sha256] : [],
    wasSent: () => wasSent ?? false,
    isHere: () => isHere ?? false,
    reaches: (asked) => asked === url && (reaches ?? false),
  };
  const { deliveries, missing } = decideDeliveries([artifact], circumstances);
  return { sent: sentFile(artifact, deliveries), missing };
}

describe("an archive that the host may download", () => {
  test.each<readonly [string, Case, { sent: string | undefined; missing: readonly string[] }]>([
    [
      "is not sent where the host reaches it, and need not be here",
      { reaches: true, artifact: file({}) },
      { sent: undefined, missing: [] },
    ],
    [
      "is not sent where the host reaches it, though it is here",
      { reaches: true, isHere: true },
      { sent: undefined, missing: [] },
    ],
    ["is sent where the host does not reach it", { isHere: true }, { sent: "/a", missing: [] }],
    ["is fetched to be sent, where it is not here", { artifact: file({}) }, { sent: undefined, missing: [url] }],
    ["is neither where the host has it already", { held: true, isHere: true }, { sent: undefined, missing: [] }],
    [
      "stays sent where it was, so that a preview shows no change",
      { wasSent: true, held: true, isHere: true },
      { sent: "/a", missing: [] },
    ],
    [
      "stays sent where it was, although the host has a way out by now",
      { wasSent: true, isHere: true, reaches: true },
      { sent: "/a", missing: [] },
    ],
    [
      "is no longer sent where this machine has lost it and the host has it",
      { wasSent: true, held: true },
      { sent: undefined, missing: [] },
    ],
    ["that has no stand-in here is the host's affair", { artifact: file() }, { sent: undefined, missing: [] }],
  ])("%s", (_, given, expected) => {
    expect(decided(given)).toEqual(expected);
  });
});

describe("a file of this machine", () => {
  test.each<readonly [string, Case, string | undefined]>([
    ["is sent", {}, "/weights.gguf"],
    ["is not sent where the host keeps it from a former deployment", { held: true }, undefined],
    ["stays sent where Pulumi knows of it", { held: true, wasSent: true }, "/weights.gguf"],
  ])("%s", (_, given, sent) => {
    expect(decided({ artifact: LOCAL, ...given })).toEqual({ sent, missing: [] });
  });
});

test("the list that an earlier release of this project has written is what was not sent", () => {
  expect(parseDeliveries(JSON.stringify([sha256]))).toEqual({ unsent: [sha256], sent: [] });
  expect(parseDeliveries(JSON.stringify({ unsent: [], sent: [sha256] }))).toEqual({ unsent: [], sent: [sha256] });
});
