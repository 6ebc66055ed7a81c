import { describe, expect, test } from "vitest";
import { parseStackConfig } from "../../../plan/config/parse";
import { hostFacts as stableFacts } from "../../../plan/host-facts";
import { planRequirements } from "../../../plan/plan";
import { judgePreflight, refusalText, type Requirements } from "../../../plan/preflight";
import type { GpuRequirement } from "../../../plan/preflight/gpu";
import type { PreflightReport } from "../../../plan/preflight/report";
import { hostFacts, hostReport } from "../../fixtures/hosts/load";

const GIB = 2 ** 30;
const VLLM: GpuRequirement = { required: true, minimumDriver: 580 };
const DETECT: GpuRequirement = { required: false, whereDriven: true, minimumDriver: 550 };
const ANY: GpuRequirement = { required: false };

function judge(
  host: string,
  gpu: GpuRequirement,
  more: Partial<Requirements> = {},
  report: Partial<PreflightReport> = {},
) {
  const { refusals, warnings } = judgePreflight(hostFacts(host, report), {
    memoryBytes: GIB,
    diskBytes: {},
    ports: [],
    gpu,
    ...more,
  });
  const ids = (found: typeof refusals) => found.map(({ id }) => id);
  return { refused: ids(refusals), warned: ids(warnings), text: refusalText(refusals, warnings) };
}

describe("a corrupt infoROM is a warning where the GPU computes, and refused where it does not", () => {
  test.each<[string, GpuRequirement]>([
    ["vLLM", VLLM],
    ["Ollama where a GPU is driven", DETECT],
    ["an engine that needs none", ANY],
  ])("%s", (_title, gpu) => {
    expect(judge("l4-inforom", gpu)).toMatchObject({ refused: [], warned: ["gpu-inforom-corrupt"] });
  });

  test("it is named", () => {
    expect(judge("l4-inforom", VLLM).text).toMatchInlineSnapshot(`
      "Worth knowing about the host:

      A GPU's infoROM is corrupt; the GPU computes nevertheless (gpu-inforom-corrupt)
        found:   nvidia-smi: WARNING: infoROM is corrupted at gpu 0000:01:00.0
        needed:  nothing; without it the GPU cannot keep count of its memory's errors
        way out: none needed at once; have the GPU reset or replaced with its vendor's support (\`nvidia-smi -q\` names it)"
    `);
    expect(judge("inforom", VLLM).refused).toEqual(["gpu-inforom-corrupt"]);
  });

  test("with a driver that the deployment would install too", () => {
    const driver = { branch: 580, modules: "open", reboot: false } as const;
    expect(judge("l4-inforom", VLLM, { driver })).toMatchObject({ refused: [], warned: ["gpu-inforom-corrupt"] });
    expect(judge("two-a100-one-faulty", VLLM, { driver }).refused).toEqual(["gpu-faulty"]);
  });
});

test("a plan says which GPUs it is for, and what its largest model weighs", () => {
  const config = parseStackConfig(
    {
      target: {
        kind: "ssh",
        host: "203.0.113.10",
        hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
      },
      engine: { kind: "ollama", gpus: [1] },
      models: [
        { name: "small", source: "ollama:qwen3:8b", context: "8k" },
        { name: "large", source: "ollama:qwen3:32b", context: "8k" },
        { name: "own", source: "ollama:somebody/else:7b", context: "8k" },
      ],
      access: { allow: ["198.51.100.0/24"] },
    },
    { stack: "prod", file: "Pulumi.prod.yaml" },
  );
  const { gpu } = planRequirements(config, { stack: "prod", architecture: "amd64" });
  expect(gpu?.only).toEqual([1]);
  expect(Math.floor(gpu!.weightBytes! / GIB)).toBe(18);
});

describe("one of two GPUs answers with errors", () => {
  test("it is refused by name where the engine may use all", () => {
    expect(judge("two-a100-one-faulty", DETECT).text).toMatchInlineSnapshot(`
      "The host is not ready: 1 thing stands in the way. Nothing was changed on it.

      GPU 1 (NVIDIA A100-SXM4-80GB) answers with an error instead of its state (gpu-faulty)
        found:   nvidia-smi: [Unknown Error]
        needed:  a working NVIDIA GPU, since its driver is installed
        way out: set engine.gpus to [0], which leaves it out; or read \`dmesg | grep -e NVRM -e Xid\` on the host, then power it off and on; if the error comes back, check power supply, seating and temperature, or replace the GPU; to accept the CPU, set engine.device to any"
    `);
  });

  test.each<[string, GpuRequirement, string[], string[]]>([
    ["refused where engine.gpus names it", { ...VLLM, only: [1] }, ["gpu-faulty"], []],
    ["told where engine.gpus leaves it out", { ...VLLM, only: [0] }, [], ["gpu-faulty"]],
    ["told where no GPU is needed", ANY, [], ["gpu-faulty"]],
  ])("%s", (_title, gpu, refused, warned) => {
    expect(judge("two-a100-one-faulty", gpu)).toMatchObject({ refused, warned });
  });

  test("a plan for both refuses the host, one for the other GPU takes it", () => {
    const recorded = { stack: "prod", facts: stableFacts(hostFacts("two-a100-80")) };
    expect(judge("two-a100-one-faulty", VLLM, { recorded }).refused).toEqual(["facts-changed", "gpu-faulty"]);
    expect(judge("two-a100-one-faulty", { ...VLLM, only: [0] }, { recorded }).refused).toEqual([]);
  });
});

describe("WSL is told by its name", () => {
  test.each(["wsl-blocked", "wsl-crash"])("%s is refused where a GPU is needed or driven", (host) => {
    expect([judge(host, VLLM).refused, judge(host, DETECT).refused]).toEqual([["wsl"], ["wsl"]]);
    expect(judge(host, ANY)).toMatchObject({ refused: [], warned: ["wsl"] });
  });

  test("with the way out", () => {
    expect(judge("wsl-crash", DETECT).text).toMatchInlineSnapshot(`
      "The host is not ready: 1 thing stands in the way. Nothing was changed on it.

      WSL is not supported: its GPU is reached through Windows, and the engine's unit does not let that in (wsl)
        found:   Ubuntu 24.04.3 LTS in Windows' Subsystem for Linux, kernel 6.6.87.2-microsoft-standard-WSL2
        needed:  a working NVIDIA GPU, since its driver is installed
        way out: choose a machine that boots Linux itself, or a virtual machine with the GPU passed through; to accept the CPU, set engine.device to any"
    `);
  });

  const absent = { ...hostReport("ubuntu-24.04").gpu, dxg: false };
  test.each<[string, Partial<PreflightReport>, boolean]>([
    ["by systemd", { virtualization: "wsl" }, true],
    ["by its kernel, where systemd is too old to know", { kernel: "5.15.153.1-microsoft-standard-WSL2" }, true],
    ["by the device of its GPU, under a kernel of one's own", { gpu: { ...absent, dxg: true } }, true],
    ["not a container on it", { virtualization: "docker", kernel: "5.15.153.1-microsoft-standard-WSL2" }, false],
    ["not a virtual machine of Hyper-V", { virtualization: "microsoft", kernel: "6.8.0-1015-azure" }, false],
  ])("%s", (_title, report, wsl) => {
    expect(hostFacts("ubuntu-24.04", report).wsl).toBe(wsl);
    expect(judge("ubuntu-24.04", VLLM, {}, report).refused).toEqual([wsl ? "wsl" : "gpu-absent"]);
  });

  test.each(["ubuntu-24.04", "l4"])("whatever its driver says, none is installed there: %s", (host) => {
    const driver = { branch: 580, modules: "open", reboot: false } as const;
    expect(judge(host, VLLM, { driver }, { virtualization: "wsl" }).refused).toEqual(["wsl"]);
  });
});

describe("a GPU that is split into instances (MIG)", () => {
  const instances = (list: string, memory = "") => ({
    gpu: { ...hostReport("h200-mig-instances").gpu, instances: { list, memory } },
  });
  const { list } = hostReport("h200-mig-instances").gpu.instances!;

  test("the instance that the engine gets is named, with its memory", () => {
    const { refused, text } = judge("h200-mig-instances", VLLM);
    expect(refused).toEqual([]);
    expect(text).toMatchInlineSnapshot(`
      "Worth knowing about the host:

      GPU 0 (NVIDIA H200) is split into instances (MIG), and the first one is all that the engine gets (gpu-mig)
        found:   1c.3g.71gb with 69.7 GiB (MIG-00000000-0000-0000-0000-000000000000), beside 2c.3g.71gb with 69.7 GiB, 2g.35gb with 32.5 GiB, 1g.18gb with 16 GiB, 1g.18gb with 16 GiB
        needed:  a plan that fits into 69.7 GiB
        way out: none needed where it does; for more, make a larger instance the first one, or on the host switch MIG off (\`nvidia-smi -mig 0\`, when no one uses the instances)"
    `);
  });

  test("weights that do not fit into it are refused with its memory", () => {
    const { refused, text } = judge("h200-mig-instances", { ...VLLM, weightBytes: 131.5 * GIB });
    expect(refused).toEqual(["gpu-mig-small"]);
    expect(text).toContain("found:   69.7 GiB\n  needed:  131.5 GiB");
    expect(judge("h200-mig-instances", { ...VLLM, weightBytes: 69 * GIB }).refused).toEqual([]);
  });

  test("one whose memory cannot be read is always told", () => {
    const unread = judge("h200-mig", VLLM);
    expect(unread).toMatchObject({ refused: [], warned: ["gpu-mig-unread"] });
    expect(unread.text).toMatchInlineSnapshot(`
      "Worth knowing about the host:

      GPU 0 (NVIDIA H200) is split into instances (MIG), and the first one is all that the engine gets (gpu-mig-unread)
        found:   MIG on, memory of the instance not known
        needed:  a plan that fits into it
        way out: see what the first instance has (on the host: nvidia-smi) and compare it with what the models need (npm run models); or on the host switch MIG off (\`nvidia-smi -mig 0\`, when no one uses the instances)"
    `);
    expect(judge("h200-mig-instances", VLLM, {}, instances(list!)).warned).toEqual(["gpu-mig-unread"]);
  });

  test("one without any instance is refused", () => {
    const none = judge("h200-mig-instances", VLLM, {}, instances(list!.split("\n")[0]!));
    expect(none).toMatchObject({ refused: ["gpu-mig-empty"], warned: [] });
  });

  test("instances that are others than planned for are refused", () => {
    const recorded = { stack: "prod", facts: stableFacts(hostFacts("h200-mig-instances")) };
    const { text } = judge("h200-mig-instances", VLLM, { recorded }, instances(list!.replaceAll("3g.71gb", "1g.18gb")));
    expect(text).toContain("instances of GPU 0 (NVIDIA H200) (facts-changed)");
    expect(judge("h200-mig-instances", VLLM, { recorded }).refused).toEqual([]);
  });
});
