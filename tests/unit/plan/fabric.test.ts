import { describe, expect, test } from "vitest";
import { judgePreflight } from "../../../plan/preflight";
import { judgeFabric } from "../../../plan/preflight/fabric";
import { refusalText } from "../../../plan/preflight/refusal";
import type { PreflightReport } from "../../../plan/preflight/report";
import { hostFacts, hostReport } from "../../fixtures/hosts/load";

type Fabric = NonNullable<PreflightReport["fabric"]>;
const READY: Fabric = {
  switches: 4,
  states: "Completed\nCompleted",
  managerVersion: "Fabric Manager version is : 580.126.09",
  managerActive: "active",
};
const facts = (fabric?: Partial<Fabric>, changes: Partial<PreflightReport> = {}) =>
  hostFacts("two-a100-80", { ...(fabric ? { fabric: { ...READY, ...fabric } } : {}), ...changes });
const DRIVER = /, (\d{3}\.\d+\.\d+), /.exec(hostReport("two-a100-80").gpu.nvidiaSmi.output!)![1]!;
const manager = `Fabric Manager version is : ${DRIVER}`;
const told = (fabric?: Partial<Fabric>, changes: Partial<PreflightReport> = {}) => {
  const { refusals, warnings } = judgeFabric(facts(fabric, changes));
  return [...refusals.map(({ id }) => id), ...warnings.map(({ id }) => `warning ${id}`)].join(", ");
};

describe("GPUs behind NVSwitches", () => {
  test.each<[string, string, Partial<Fabric>?, Partial<PreflightReport>?]>([
    ["a report of a former release", ""],
    ["a fabric that is set up", "", {}],
    ["no fabric, as with PCIe cards", "", { switches: 0, states: "[N/A]\n[N/A]", managerVersion: null }],
    ["a driver that does not know the question", "", { switches: 0, states: null, managerVersion: null }],
    ["a generation that has no state, and a manager", "", { states: "N/A\nN/A", managerVersion: manager }],
    [
      "a generation that has no state, and none",
      "gpu-fabric-manager-absent",
      { states: "[N/A]\n[N/A]", managerVersion: null, managerActive: "inactive" },
    ],
    [
      "no manager",
      "gpu-fabric-manager-absent",
      { states: "In Progress\nIn Progress", managerVersion: null, managerActive: null },
    ],
    [
      "a manager of another version",
      "gpu-fabric-manager-version",
      { states: "Not Started", managerVersion: "580.1.2", managerActive: "failed" },
    ],
    [
      "a manager that does not run",
      "gpu-fabric-manager-down",
      { states: "Not Started", managerVersion: manager, managerActive: "inactive" },
    ],
    ["a manager that has not finished", "gpu-fabric", { states: "Completed\nIn Progress", managerVersion: manager }],
    ["a virtual machine with one of the GPUs", "warning gpu-fabric-unmanaged", { switches: 0, states: "In Progress" }],
    [
      "a container, whose machine has the manager",
      "",
      { states: null, managerVersion: null, managerActive: null },
      { virtualization: "docker" },
    ],
    [
      "a container, whose machine has none",
      "gpu-fabric",
      { states: "Not Started", managerVersion: null, managerActive: null },
      { virtualization: "docker" },
    ],
  ])("%s: %s", (_, wanted, fabric, changes) => {
    expect(told(fabric, changes)).toBe(wanted);
  });
});

const judge = (fabric: Partial<Fabric>, install: boolean) =>
  judgePreflight(facts(fabric), {
    memoryBytes: 0,
    diskBytes: {},
    ports: [],
    gpu: { required: true },
    ...(install ? { driver: { branch: 580, modules: "open" as const, reboot: false } } : {}),
  });
const ABSENT = { states: "Not Started\nNot Started", managerVersion: null, managerActive: null };

test("a host whose driver is only checked is refused, with the package of the driver's version as one way out", () => {
  const { refusals } = judge(ABSENT, false);
  expect(refusalText(refusals)).toMatchSnapshot();
});

test("where the driver may be installed, what is missing is too; what no package mends is refused all the same", () => {
  expect(judge(ABSENT, true).refusals).toEqual([]);
  expect(judge({ states: "In Progress", managerVersion: manager }, true).refusals.map(({ id }) => id)).toEqual([
    "gpu-fabric",
  ]);
});
