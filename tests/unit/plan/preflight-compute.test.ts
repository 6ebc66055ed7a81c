import { describe, expect, test } from "vitest";
import { stackSchema } from "../../../plan/config/schema";
import { planRequirements } from "../../../plan/plan";
import { judgePreflight, refusalText } from "../../../plan/preflight";
import type { PreflightReport } from "../../../plan/preflight/report";
import { hostFacts, hostReport } from "../../fixtures/hosts/load";

/** What preflight says of a host's GPU for vLLM with such settings, in numbers that need no facts file. */
function judge(host: string, engine: object, report: Partial<PreflightReport> = {}) {
  const config = stackSchema.parse({
    target: { kind: "sandbox" },
    engine: { kind: "vllm", ...engine },
    models: [{ name: "m", source: "folder:/srv/m", sha256: "a".repeat(64) }],
  });
  const { gpu } = planRequirements(config, { stack: "prod", architecture: "amd64" });
  const { refusals } = judgePreflight(hostFacts(host, report), {
    memoryBytes: 0,
    diskBytes: {},
    ports: [],
    gpu: { ...gpu, required: false },
  });
  return refusals;
}

/** A host with an A10 and no driver: the PCI bus alone tells what it is. */
const A10_WITHOUT_DRIVER = {
  gpu: { ...hostReport("ubuntu-24.04").gpu, pciDevices: [{ address: "0000:01:00.0", device: "0x2236" }] },
};

describe("a GPU that is too old is refused before anything is installed", () => {
  test("for the engine itself", () => {
    expect(refusalText(judge("gtx-1060", {}))).toMatchInlineSnapshot(`
      "The host is not ready: 1 thing stands in the way. Nothing was changed on it.

      The GPU is older than vLLM computes on (gpu-compute)
        found:   NVIDIA GeForce GTX 1060 6GB, compute capability 6.1
        needed:  compute capability 7.5 or newer
        way out: set engine.kind to ollama, which takes GPUs from 5.0 on; or choose a host with a newer GPU"
    `);
  });

  test("for a cache in fp8, which begins with compute capability 8.9", () => {
    expect(refusalText(judge("two-a100-80", { kvCacheType: "fp8" }))).toMatchInlineSnapshot(`
      "The host is not ready: 1 thing stands in the way. Nothing was changed on it.

      engine.kvCacheType is fp8, with which vLLM does not start on this GPU (gpu-fp8-cache)
        found:   NVIDIA A100-SXM4-80GB, compute capability 8.0
        needed:  compute capability 8.9 or newer
        way out: leave engine.kvCacheType out, which takes twice the memory per token (npm run models shows what fits); or choose a GPU of the Ada or Hopper generation, or a newer one"
    `);
  });

  test("for a cache in fp8 where no driver is there yet, and the PCI bus tells which GPU it is", () => {
    expect(judge("ubuntu-24.04", { kvCacheType: "fp8" }, A10_WITHOUT_DRIVER)).toMatchObject([
      { id: "gpu-fp8-cache", found: "A10, compute capability 8.6" },
    ]);
  });
});

test.each<[string, string, object, Partial<PreflightReport>]>([
  ["a cache in fp8 on an L4", "l4", { kvCacheType: "fp8" }, {}],
  ["a cache in the model's own type on an A100", "two-a100-80", {}, {}],
  ["a cache in the model's own type on an A10 without a driver", "ubuntu-24.04", {}, A10_WITHOUT_DRIVER],
  ["GPUs that the engine may not use", "gtx-1060", { gpus: [1] }, {}],
])("%s is not refused", (_title, host, engine, report) => {
  expect(judge(host, engine, report)).toEqual([]);
});
