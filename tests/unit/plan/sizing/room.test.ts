import { expect, test } from "vitest";
import { stackSchema } from "../../../../plan/config/schema";
import { hostFacts } from "../../../../plan/host-facts";
import { hostRoom } from "../../../../plan/sizing/room";
import { hostFacts as measured } from "../../../fixtures/hosts/load";

test.each([
  ["0.17.7", "NVIDIA GeForce RTX 5070 Ti with 15.9 GiB, less 1.5 GiB for the engine itself"],
  ["0.34.1", "NVIDIA GeForce RTX 5070 Ti with 15.9 GiB, less 2.5 GiB for the engine itself"],
])("Ollama %s is left as much of a 16 GB card as it takes", (version, words) => {
  const { target, engine } = stackSchema.parse({
    target: { kind: "sandbox" },
    engine: { kind: "ollama" },
    models: [{ name: "tiny", source: "builtin:tiny" }],
  });
  const facts = hostFacts(measured("rtx-5070-ti"));
  const placement = { device: "gpu", build: "bundled", dtype: "bfloat16" } as const;
  expect(hostRoom({ target, engine: { ...engine, version } }, facts, placement)?.words).toBe(words);
});
