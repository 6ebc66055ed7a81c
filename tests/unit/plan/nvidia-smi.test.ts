import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { classifyNvidiaSmi, type GpuDevice, type NvidiaSmiFailure } from "../../../plan/nvidia-smi";

const MIB = 2 ** 20;

describe("a GPU's line becomes a device", () => {
  test("memory in bytes, compute capability as text, no MIG where the GPU has none", () => {
    expect(classifyNvidiaSmi(0, "0, NVIDIA L4, 23034, 22563, 580.126.09, 8.9, GPU-2b79, [N/A]\n")).toEqual({
      state: "ready",
      driver: "580.126.09",
      devices: [
        {
          index: 0,
          name: "NVIDIA L4",
          totalBytes: 23034 * MIB,
          freeBytes: 22563 * MIB,
          computeCapability: "8.9",
          uuid: "GPU-2b79",
          mig: null,
        },
      ],
    });
  });

  test.each([
    ["Enabled", true],
    ["Disabled", false],
    ["[N/A]", null],
    ["N/A", null],
    ["[Not Supported]", null],
  ])("MIG %s is %s", (written, mig) => {
    const answer = classifyNvidiaSmi(0, `0, NVIDIA H200, 143771, 143160, 580.126.09, 9.0, GPU-1, ${written}`);
    expect(answer).toMatchObject({ state: "ready", devices: [{ mig }] });
  });

  test.each(["N/A", "[N/A]", "Unknown", "[Unknown]", "[Not Supported]", "[Not Available]"])(
    "memory %s is shared with the host, not zero",
    (written) => {
      const answer = classifyNvidiaSmi(0, `0, NVIDIA GB10, ${written}, ${written}, 580.95.05, 12.1, GPU-1, ${written}`);
      expect(answer).toMatchObject({ state: "ready", devices: [{ totalBytes: null, freeBytes: null }] });
    },
  );

  test("each GPU of several", () => {
    const row = (index: number) => `${index}, NVIDIA L4, 23034, 22563, 580.126.09, 8.9, GPU-${index}, [N/A]`;
    expect(classifyNvidiaSmi(0, `${row(0)}\n${row(1)}\n`)).toMatchObject({ devices: [{ index: 0 }, { index: 1 }] });
  });
});

describe("what was answered on real machines", () => {
  interface Answer {
    readonly origin: "capture" | "public" | "composed";
    readonly exitCode: number;
    readonly output: string;
  }
  const answers = parse(readFileSync(join(__dirname, "../../fixtures/nvidia-smi/answers.yaml"), "utf8")) as Record<
    string,
    Answer
  >;

  const gpu = (name: string, mebibytes: number | null, computeCapability: string, more: Partial<GpuDevice> = {}) => ({
    name,
    totalBytes: mebibytes === null ? null : mebibytes * MIB,
    computeCapability,
    ...more,
  });
  const l4 = gpu("NVIDIA L4", 23034, "8.9");
  const rtx2080 = gpu("NVIDIA GeForce RTX 2080 SUPER", 8192, "7.5", { mig: null });

  const READY: readonly (readonly [answer: string, driver: string, devices: readonly Partial<GpuDevice>[]])[] = [
    ["H100", "590.48.01", [gpu("NVIDIA H100 80GB HBM3", 81559, "9.0", { mig: false })]],
    ["H100 with MIG", "590.48.01", [gpu("NVIDIA H100 80GB HBM3", 81559, "9.0", { mig: true })]],
    ["H200", "590.48.01", [gpu("NVIDIA H200", 143771, "9.0", { freeBytes: 143158 * MIB, mig: false })]],
    ["H200 with MIG", "590.48.01", [gpu("NVIDIA H200", 143771, "9.0", { mig: true })]],
    ["L40S", "595.80", [gpu("NVIDIA L40S", 46068, "8.9", { mig: null })]],
    ["RTX 4080 SUPER", "595.71.05", [gpu("NVIDIA GeForce RTX 4080 SUPER", 16376, "8.9")]],
    ["RTX 2080 SUPER, driver 595", "595.71.05", [rtx2080]],
    ["RTX 2080 SUPER, driver 610", "610.57.04", [rtx2080]],
    ["RTX 2080 SUPER, Windows 591", "591.86", [rtx2080]],
    ["RTX 2080 SUPER, Windows 610", "610.62", [rtx2080]],
    ["GB10, memory [N/A]", "580.95.05", [gpu("NVIDIA GB10", null, "12.1")]],
    ["GB10, memory [Not Supported]", "580.95.05", [gpu("NVIDIA GB10", null, "12.1")]],
    ["a virtual GPU", "570.133.20", [gpu("NVIDIA H100L-2-24C", 24576, "9.0")]],
    [
      "TITAN V beside RTX 5880",
      "580.95.05",
      [gpu("NVIDIA TITAN V", 12288, "7.0"), gpu("NVIDIA RTX 5880 Ada Generation", 49140, "8.9", { index: 1 })],
    ],
    [
      "16 GPUs",
      "580.126.09",
      Array.from({ length: 16 }, (_, index) => gpu("Tesla V100-SXM3-32GB", 32768, "7.0", { index })),
    ],
    ["lines that end as Windows' do", "580.126.09", [l4, { ...l4, index: 1, mig: null }]],
    ["a MIG field that is deprecated", "580.126.09", [{ ...l4, mig: false }]],
    ["a warning before the rows", "580.126.09", [l4]],
    ["a corrupt infoROM on a GPU that computes", "580.126.09", [l4]],
    [
      "one of two GPUs with errors",
      "580.126.09",
      [l4, { index: 1, name: "NVIDIA L4", totalBytes: null, freeBytes: null, fault: "[Unknown Error]" }],
    ],
  ];
  const FAILED: readonly (readonly [answer: string, failure: NvidiaSmiFailure])[] = [
    ["driver 470", "driver-too-old"],
    ["nvidia-smi 470 with driver 580", "driver-too-old"],
    ["library and module differ", "version-mismatch"],
    ["no GPU", "no-devices"],
    ["exit code 4", "no-permission"],
    ["exit code 9", "driver-not-loaded"],
    ["exit code 12", "library-missing"],
    ["exit code 18", "version-mismatch"],
    ["exit code 124", "no-answer"],
    ["a GPU that wants a reset", "gpu-lost"],
    ["cells without permission", "no-permission"],
    ["the only GPU is lost", "gpu-lost"],
    ["WSL, access blocked", "unsupported"],
    ["WSL, a crash", "unsupported"],
  ];

  const classified = (name: string) => classifyNvidiaSmi(answers[name]!.exitCode, answers[name]!.output);

  test.each(READY)("%s: driver %s is ready", (name, driver, devices) => {
    expect(classified(name)).toMatchObject({ state: "ready", driver, devices });
  });

  test.each(FAILED)("%s: failed as %s", (name, failure) => {
    expect(classified(name)).toMatchObject({ state: "failed", failure });
  });

  test("every recorded answer is judged", () => {
    expect([...READY, ...FAILED].map(([name]) => name).sort()).toEqual(Object.keys(answers).sort());
  });

  test("only a corrupt infoROM is told of a driver that is ready, in its own words", () => {
    const told = READY.flatMap(([name]) => {
      const answer = classified(name);
      return answer.state === "ready" && answer.infoRom !== undefined ? [[name, answer.infoRom]] : [];
    });
    expect(told).toEqual([
      ["a corrupt infoROM on a GPU that computes", "WARNING: infoROM is corrupted at gpu 0000:01:00.0"],
    ]);
  });
});

describe("a table with something else in it", () => {
  const row = (index: number, ...cells: string[]) =>
    [index, "NVIDIA L4", ...(cells.length > 0 ? cells : ["23034", "22564"]), "580.126.09, 8.9, GPU-1, [N/A]"].join(
      ", ",
    );

  test("a row that is cut off makes it unreadable, since a GPU would be missing", () => {
    expect(classifyNvidiaSmi(0, `${row(0)}\n1, NVIDIA L4, 230`)).toMatchObject({ failure: "unreadable" });
  });

  test("exit code 14 alone is a corrupt infoROM too", () => {
    expect(classifyNvidiaSmi(14, row(0))).toMatchObject({ state: "ready", infoRom: "exit code 14" });
  });

  test.each([
    "Failed to initialize NVML: Unknown Error",
    "Unable to determine the device handle for GPU1: Unknown Error",
  ])("a message of a failure counts more than the rows beside it: %s", (message) => {
    expect(classifyNvidiaSmi(0, `${row(0)}\n${message}`)).toMatchObject({ state: "failed" });
  });

  test.each(["[Unknown Error]", "Unknown Error", "ERR!", "[GPU is lost]", "[GPU requires reset]"])(
    "a GPU that says %s is told from the others",
    (fault) => {
      expect(classifyNvidiaSmi(0, `${row(0, fault, fault)}\n${row(1)}`)).toMatchObject({
        state: "ready",
        devices: [{ index: 0, fault }, { index: 1 }],
      });
    },
  );

  test("without one that works they are a failure", () => {
    const both = `${row(0, "[Unknown Error]", "[Unknown Error]")}\n${row(1, "[Unknown Error]", "[Unknown Error]")}`;
    expect(classifyNvidiaSmi(0, both)).toMatchObject({ state: "failed", failure: "faulty" });
  });
});

test("a missing command is absent, whatever the shell says about it", () => {
  expect(classifyNvidiaSmi(127, "")).toEqual({ state: "absent" });
  expect(classifyNvidiaSmi(127, "timeout: failed to run command: No such file or directory")).toEqual({
    state: "absent",
  });
});

describe("a failure is known by its text, whatever the exit code", () => {
  test.each([
    ["Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 580.126", "version-mismatch"],
    [
      "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that …",
      "driver-not-loaded",
    ],
    ["Failed to initialize NVML: Driver Not Loaded", "driver-not-loaded"],
    ["No devices were found", "no-devices"],
    ["Failed to initialize NVML: Insufficient Permissions", "no-permission"],
    ["Failed to initialize NVML: Unknown Error", "access-lost"],
    ['Field "compute_cap" is not a valid field to query.', "driver-too-old"],
    ["NVIDIA-SMI couldn't find libnvidia-ml.so library in your system.", "library-missing"],
    ["Unable to determine the device handle for GPU 0000:01:00.0: GPU is lost.", "gpu-lost"],
    ["WARNING: infoROM is corrupted at gpu 0000:01:00.0", "inforom-corrupt"],
  ])("%s", (text, failure) => {
    for (const exitCode of [0, 1, 9, 255])
      expect(classifyNvidiaSmi(exitCode, text)).toMatchObject({ state: "failed", failure });
  });
});

describe("without a known text the exit code decides", () => {
  test.each([
    [2, "driver-too-old"],
    [3, "unsupported"],
    [4, "no-permission"],
    [6, "no-devices"],
    [8, "power-cable"],
    [9, "driver-not-loaded"],
    [12, "library-missing"],
    [14, "inforom-corrupt"],
    [15, "gpu-lost"],
    [18, "version-mismatch"],
    [124, "no-answer"],
    [137, "no-answer"],
    [255, "unreadable"],
  ])("exit code %i", (exitCode, failure) => {
    expect(classifyNvidiaSmi(exitCode, "something new")).toEqual({
      state: "failed",
      failure,
      exitCode,
      text: "something new",
    });
  });
});

test.each(["", "a banner", "0, NVIDIA L4, much, 1, 580.126.09, 8.9, GPU-1, [N/A]", "0, NVIDIA L4, 23034"])(
  "an answer that is no table is not taken for a GPU: %j",
  (output) => {
    expect(classifyNvidiaSmi(0, output)).toMatchObject({ state: "failed", failure: "unreadable" });
  },
);
