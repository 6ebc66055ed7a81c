import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa, execaSync } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";

const LIB = join(__dirname, "..", "..", "..", "templates", "lib", "driver-kernels.sh");
const DPKG_MISSING = execaSync("dpkg-query", ["--version"], { reject: false }).failed;

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "tms-llm-dpkg-"))));
afterEach(() => rmSync(folder, { recursive: true }));

/** On a system of that family which runs a kernel: what a function of the library says. */
const ask = async (family: "debian" | "rhel", running: string, command: string) =>
  (
    await execa(
      "bash",
      [
        "-c",
        `set -euo pipefail; system_family() { echo ${family}; }; uname() { echo "$RUNNING"; }; source "$0"; ${command}`,
        LIB,
      ],
      { env: { RUNNING: running, DPKG_ADMINDIR: folder } },
    )
  ).stdout;

test.each([
  ["debian", "6.8.0-88-generic", "generic"],
  ["debian", "6.8.0-1021-aws", "aws"],
  ["debian", "6.8.0-1015-azure-fde", "azure-fde"],
  ["debian", "6.1.0-41-amd64", "amd64"],
  ["debian", "6.1.0-41-cloud-amd64", "cloud-amd64"],
  ["debian", "6.12.57+deb12-amd64", "amd64"],
  ["debian", "6.12.12+bpo-cloud-amd64", "cloud-amd64"],
  ["debian", "6.1.0-0.deb11.5-amd64", "amd64"],
  ["debian", "6.8.12-4-pve", "pve"],
  ["debian", "6.9.3-custom", "custom"],
  ["debian", "6.9.3", "6.9.3"],
  ["rhel", "5.14.0-570.el9.x86_64", "stock"],
  ["rhel", "5.14.0-570.el9.x86_64+debug", "debug"],
  ["rhel", "5.15.0-300.163.18.el8uek.x86_64", "uek"],
] as const)("on %s the flavour of kernel %s is %s", async (family, kernel, flavour) => {
  expect(await ask(family, kernel, 'kernel_flavour "$RUNNING"')).toBe(flavour);
});

const META = {
  "linux-image-amd64": "linux-image-6.1.0-41-amd64 (= 6.1.158-1)",
  "linux-image-cloud-amd64": "linux-image-6.1.0-41-cloud-amd64 (= 6.1.158-1)",
  "linux-image-rt-amd64": "linux-image-6.1.0-41-rt-amd64 (= 6.1.158-1)",
  "linux-image-6.1.0-41-amd64": "kmod",
  "linux-image-virtual": "linux-image-6.8.0-88-generic, linux-firmware",
  "linux-image-generic-hwe-24.04":
    "linux-firmware, linux-image-unsigned-6.14.0-37-generic | linux-image-6.14.0-37-generic",
  "linux-image-extra-virtual": "linux-image-generic",
  "linux-image-aws": "linux-image-6.8.0-1021-aws, linux-modules-extra-6.8.0-1021-aws",
};

test.skipIf(DPKG_MISSING).each<[string, readonly (keyof typeof META)[], string]>([
  ["6.1.0-41-amd64", ["linux-image-amd64", "linux-image-cloud-amd64", "linux-image-rt-amd64"], "amd64"],
  ["6.1.0-41-cloud-amd64", ["linux-image-amd64", "linux-image-cloud-amd64"], "cloud-amd64"],
  ["6.12.57+deb12-amd64", ["linux-image-amd64"], "amd64"],
  ["6.8.0-88-generic", ["linux-image-virtual", "linux-image-extra-virtual"], "virtual"],
  [
    "6.8.0-88-generic",
    ["linux-image-virtual", "linux-image-generic-hwe-24.04", "linux-image-aws"],
    "generic-hwe-24.04",
  ],
  ["6.8.0-1021-aws", ["linux-image-aws", "linux-image-virtual"], "aws"],
  ["6.1.0-41-amd64", ["linux-image-6.1.0-41-amd64"], ""],
  ["6.9.3-custom", ["linux-image-amd64", "linux-image-aws"], ""],
])(
  "with kernel %s and the packages %j the next kernels come by linux-image-%s, by real dpkg",
  async (kernel, names, meta) => {
    mkdirSync(join(folder, "info"));
    const stanzas = names.map(
      (name) =>
        `Package: ${name}\nStatus: install ok installed\nMaintainer: a test\nArchitecture: all\nVersion: 1\nDepends: ${META[name]}\nDescription: made for a test\n`,
    );
    writeFileSync(join(folder, "status"), stanzas.join("\n"));
    expect(await ask("debian", kernel, "kernel_meta")).toBe(meta);
    writeFileSync(join(folder, "status"), stanzas.join("\n").replaceAll("install ok", "hold ok"));
    expect(await ask("debian", kernel, "kernel_meta")).toBe("");
  },
);
