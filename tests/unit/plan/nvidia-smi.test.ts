import { describe, expect, test } from "vitest";
import { classifyNvidiaSmi } from "../../../plan/nvidia-smi";

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
