import { describe, expect, test } from "vitest";
import { DRIVER_BRANCHES, driverSource } from "../../../plan/catalog/drivers";
import { headerPackages, isUek, SYSTEMS, systemRow } from "../../../plan/os";

describe("the allow-list", () => {
  test.each([
    ["debian", "12", "Debian 12"],
    ["ubuntu", "22.04", "Ubuntu 22.04"],
    ["ubuntu", "24.04", "Ubuntu 24.04"],
    ["ol", "8.10", "Oracle Linux 8"],
    ["ol", "9.6", "Oracle Linux 9"],
    ["rhel", "8.10", "RHEL 8"],
    ["rhel", "9.4", "RHEL 9"],
    ["centos", "9", "CentOS Stream 9"],
  ])("%s %s is %s", (id, version, name) => {
    expect(systemRow({ id, version })?.name).toBe(name);
  });

  test.each([
    ["debian", "13"],
    ["debian", "11"],
    ["ubuntu", "24.10"],
    ["ubuntu", "20.04"],
    ["centos", "8"],
    ["ol", "10.0"],
    ["linuxmint", "22.1"],
  ])("%s %s is not in it", (id, version) => {
    expect(systemRow({ id, version })).toBeUndefined();
  });
});

test.each([
  ["5.15.0-313.189.5.3.el8uek.x86_64", "kernel-uek-devel-$(uname -r)"],
  ["4.18.0-553.el8_10.x86_64", "kernel-devel-$(uname -r) kernel-headers"],
])("on Oracle Linux, modules for %s are built with %s", (kernel, packages) => {
  expect(headerPackages(systemRow({ id: "ol", version: "8.10" })!, kernel)).toBe(packages);
  expect(isUek(kernel)).toBe(packages.includes("uek"));
});

test.each(SYSTEMS.map((row) => [row.name, row] as const))(
  "on %s people are told to install what the driver's step installs",
  (_, row) => {
    const { packages, stream } = driverSource(row, { branch: DRIVER_BRANCHES[0]!, modules: "open", signed: false });
    for (const named of [...packages, ...(stream === undefined ? [] : [`module enable ${stream},`])])
      expect(row.driver).toContain(named);
  },
);
