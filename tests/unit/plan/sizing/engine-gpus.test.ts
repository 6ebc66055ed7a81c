import { describe, expect, test } from "vitest";
import { parseStackConfig } from "../../../../plan/config/parse";
import { hostFacts, parseFactsFile, renderFactsFile, type HostFacts } from "../../../../plan/host-facts";
import { PlanRefused } from "../../../../plan/preflight/refusal";
import { seenByEngine } from "../../../../plan/sizing/engine-gpus";
import { resolveStack } from "../../../../plan/sizing/resolve";
import { hostFacts as measured } from "../../../fixtures/hosts/load";

const MIB = 2 ** 20;
const split = hostFacts(measured("h200-mig-instances"));
const faulty = hostFacts(measured("two-a100-one-faulty"));

function resolve(facts: HostFacts, engine: object, model: object) {
  const config = parseStackConfig(
    {
      target: {
        kind: "ssh",
        host: "203.0.113.10",
        hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
      },
      engine,
      models: [{ name: "m", ...model }],
      access: { allow: ["198.51.100.0/24"] },
    },
    { stack: "prod", file: "Pulumi.prod.yaml" },
  );
  try {
    const { config: chosen, placement } = resolveStack(config, "prod", facts);
    return { context: chosen.models[0]!.context, device: placement?.device };
  } catch (error) {
    if (error instanceof PlanRefused) return error.message;
    throw error;
  }
}

const folder = (catalog: string, context: number | string, licence: object = {}) => ({
  source: "folder:/srv/m",
  sha256: "c".repeat(64),
  catalog,
  context,
  ...licence,
});
const llama = (context: string) => folder("llama-3.1-70b:bf16", context, { acceptLicence: "llama" });
const kanana = (context: string) => folder("kanana-1.5-8b:bf16", context);
const VLLM = { kind: "vllm" };
const AUTO = { ...VLLM, parallel: "auto", gpuMemoryPercent: "auto" };

describe("a GPU that is split into instances (MIG)", () => {
  test("what the first instance cannot hold is refused with its memory, numbers or not", () => {
    expect(resolve(split, VLLM, llama("8k"))).toMatchInlineSnapshot(`
      "There is no plan for prod: 1 thing stands in the way. No host was touched.

      m does not fit into the GPU's memory as the stack file asks (memory)
        found:   NVIDIA H200, first instance 1c.3g.71gb with 69.7 GiB
        needed:  m (llama-3.1-70b at bf16): 131.5 GiB of weights and 2.5 GiB of cache for one request of 8k tokens, 2 GiB for vLLM itself, in 90 % of a GPU less 512 MiB for its driver
        way out: choose another model: qwen2.5-coder-14b, deepseek-r1-distill-qwen-14b, qwen3-14b; or set engine.kind to ollama, which runs it quantized (Q4_K_M: 40.2 GiB of weights); or on the host make a larger instance the first one, or switch MIG off (\`nvidia-smi -mig 0\`, when no one uses the instances), and measure again; or choose a host with more memory per GPU, or more GPUs"
    `);
  });

  test("what fits into it passes, and auto is chosen by it", () => {
    expect(resolve(split, VLLM, kanana("8k"))).toEqual({ context: 8192, device: "gpu" });
    expect(resolve(split, AUTO, kanana("auto"))).toEqual({ context: 32768, device: "gpu" });
  });

  test("Ollama's models have its memory too", () => {
    const large = { source: "ollama:llama3.1:70b", acceptLicence: "llama", context: "128k" };
    expect(resolve(split, { kind: "ollama" }, large)).toContain("NVIDIA H200, first instance 1c.3g.71gb with 69.7 GiB");
    expect(resolve(split, { kind: "ollama" }, large)).toContain("switch MIG off");
  });

  test("a model is not split over instances", () => {
    const two = { ...VLLM, tensorParallel: 2 };
    expect(resolve(split, two, kanana("8k"))).toContain("(tensor-parallel)");
  });

  test("nothing is chosen by one whose instances are unknown", () => {
    const unread = hostFacts(measured("h200-mig"));
    expect(resolve(unread, AUTO, kanana("auto"))).toContain("(gpu-mig)");
  });

  test("beside a whole GPU it is the only one that a program sees", () => {
    const [whole] = hostFacts(measured("two-a100-80")).gpus;
    expect(seenByEngine([whole!, ...split.gpus])).toMatchObject([{ memory: 71424 * MIB, heldByOthers: 0 }]);
  });
});

describe("one of two GPUs that did not work", () => {
  test("it is refused by its name where the plan would use it", () => {
    expect(resolve(faulty, { ...AUTO, tensorParallel: "auto" }, llama("auto"))).toMatchInlineSnapshot(`
      "There is no plan for prod: 1 thing stands in the way. No host was touched.

      GPU 1 (NVIDIA A100-SXM4-80GB) did not work when the host was measured (gpu-faulty)
        found:   nvidia-smi: [Unknown Error]
        needed:  working GPUs
        way out: set engine.gpus to [0], which leaves it out; or repair it (on the host: dmesg | grep -e NVRM -e Xid), then npm run facts -- prod"
    `);
  });

  test("it is not counted where engine.gpus leaves it out", () => {
    expect(resolve(faulty, { ...AUTO, gpus: [0] }, kanana("auto"))).toEqual({ context: 32768, device: "gpu" });
    expect(resolve(faulty, { ...AUTO, gpus: [0] }, llama("auto"))).toContain("NVIDIA A100-SXM4-80GB with 80 GiB\n");
  });

  test("the first one too, without a change of the numbers", () => {
    const turned = { ...faulty, gpus: [...faulty.gpus].reverse() };
    expect(resolve(turned, { ...AUTO, gpus: [1] }, kanana("auto"))).toMatchObject({ device: "gpu" });
    expect(resolve(turned, { ...AUTO, gpus: [0] }, kanana("auto"))).toContain(
      "GPU 0 (NVIDIA A100-SXM4-80GB) did not work",
    );
  });
});

test("GPUs that no driver answers for yet are none of its business", () => {
  const nouveau = hostFacts(measured("nouveau"));
  expect(resolve(nouveau, { ...VLLM, gpus: [0] }, kanana("8k"))).toEqual({ context: 8192, device: undefined });
});

test("both are written to the facts file and read again", () => {
  const text = renderFactsFile({ ...split, gpus: [...split.gpus, ...faulty.gpus] }, "prod");
  expect(parseFactsFile(text, "prod").gpus).toEqual([...split.gpus, ...faulty.gpus]);
  expect(text.slice(text.indexOf("gpus:"), text.indexOf("gpusWithoutDriver"))).toMatchInlineSnapshot(`
    "gpus:
      - name: NVIDIA H200
        memory: 143771 MiB
        heldByOthers: 0 B
        computeCapability: "9.0"
        mig: true
        instances:
          - profile: 1c.3g.71gb
            memory: 71424 MiB
          - profile: 2c.3g.71gb
            memory: 71424 MiB
          - profile: 2g.35gb
            memory: 32.5 GiB
          - profile: 1g.18gb
            memory: 16 GiB
          - profile: 1g.18gb
            memory: 16 GiB
      - name: NVIDIA A100-SXM4-80GB
        memory: 80 GiB
        heldByOthers: 0 B
        computeCapability: "8.0"
        mig: false
      - name: NVIDIA A100-SXM4-80GB
        memory: null
        heldByOthers: 0 B
        computeCapability: null
        mig: false
        fault: "[Unknown Error]"
    "
  `);
});
