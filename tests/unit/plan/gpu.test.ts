import { describe, expect, test } from "vitest";
import type { Placement } from "../../../plan/compatibility";
import { stackSchema } from "../../../plan/config/schema";
import { engineDevice, gpuSteps, type Device } from "../../../plan/gpu";
import { judgePreflight } from "../../../plan/preflight";
import { hostFacts } from "../../fixtures/hosts/load";

const HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
const HOST = { kind: "ssh", host: "gpu.internal", hostKey: HOST_KEY };
const SANDBOX = { kind: "sandbox" };
const ON_GPU: Placement = { device: "gpu", build: "bundled", dtype: "bfloat16" };

describe("where an engine has to compute", () => {
  test.each<[title: string, wanted: Device, engine: object, target: object, placement: Placement | undefined]>([
    ["a host of which nothing is known decides itself", "detect", { kind: "ollama" }, HOST, undefined],
    ["facts with a GPU that fits", "gpu", { kind: "ollama" }, HOST, ON_GPU],
    ["facts without one", "any", { kind: "ollama" }, HOST, { device: "cpu" }],
    ["the stack file goes before the facts", "any", { kind: "ollama", device: "any" }, HOST, ON_GPU],
    ["a GPU that the stack file demands", "gpu", { kind: "ollama", device: "gpu" }, HOST, { device: "cpu" }],
    ["a sandbox has none", "any", { kind: "ollama" }, SANDBOX, undefined],
    ["vLLM's build for GPUs", "gpu", { kind: "vllm" }, HOST, undefined],
    ["vLLM's build for CPUs", "any", { kind: "vllm", variant: "cpu" }, SANDBOX, undefined],
  ])("%s: %s", (_, wanted, engine, target, placement) => {
    const config = stackSchema.parse({ target, engine, models: [{ name: "m", source: "builtin:tiny" }] });
    expect(engineDevice(config.engine, config.target, placement)).toBe(wanted);
  });
});

test("where a GPU is asked for, the step comes before the engine and waits for a bounded time", () => {
  expect(gpuSteps("any", "ollama")).toEqual([]);
  const [step] = gpuSteps("gpu", "vllm");
  expect(step).toMatchObject({ phase: "engine", inputs: { device: "gpu", seconds: "120", way_out: "" } });
});

describe("where models are to lie on the GPU of a host that has one", () => {
  const judge = (host: string) =>
    judgePreflight(hostFacts(host), {
      memoryBytes: 0,
      diskBytes: {},
      ports: [],
      gpu: { required: false, whereDriven: true, minimumDriver: 570 },
    });

  test.each([
    ["driver-not-loaded", "gpu-driver-not-loaded"],
    ["driver-mismatch", "gpu-version-mismatch"],
    ["gtx-1060", "gpu-driver-below-floor"],
  ])("%s is refused, with the way to accept the CPU", (host, id) => {
    const { refusals } = judge(host);
    expect(refusals.map((refusal) => refusal.id)).toEqual([id]);
    expect(refusals[0]!.wayOut).toMatch(/; to accept the CPU, set engine\.device to any$/);
  });

  test("a GPU without a driver is a warning, since nobody has meant it to be used yet", () => {
    const { refusals, warnings } = judge("nouveau");
    expect(refusals).toEqual([]);
    expect(warnings.map(({ id }) => id)).toContain("gpu-driver-absent");
  });

  test.each(["l4", "ubuntu-24.04"])("%s is admitted", (host) => {
    expect(judge(host)).toMatchObject({ refusals: [], warnings: [] });
  });
});
