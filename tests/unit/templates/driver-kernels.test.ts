import { join } from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";

const LIB = join(__dirname, "..", "..", "..", "templates", "lib", "driver-kernels.sh");

/** What brings the successors of the running kernel, by the packages that a stand-in of dpkg lists. */
async function meta(running: string, packages: readonly string[]): Promise<string> {
  const program = `set -euo pipefail; source "$0"
    system_family() { echo debian; }; uname() { echo "$running"; }; dpkg-query() { echo "$packages"; }
    kernel_meta`;
  const env = { running, packages: packages.join("\n") };
  return (await execa("bash", ["-c", program, LIB], { env })).stdout;
}

const DEBIAN = [
  "ii \tlinux-image-amd64\tlinux-image-6.1.0-41-amd64 (= 6.1.158-1)",
  "ii \tlinux-image-cloud-amd64\tlinux-image-6.1.0-41-cloud-amd64 (= 6.1.158-1)",
  "ii \tlinux-image-6.1.0-41-amd64\tkmod, linux-base (>= 4.3~)",
  "rc \tlinux-image-rt-amd64\tlinux-image-6.1.0-41-rt-amd64 (= 6.1.158-1)",
];
const BACKPORTS = ["ii \tlinux-image-amd64\tlinux-image-6.12.43+deb12-amd64 (= 6.12.43-1~bpo12+1)"];
const UBUNTU = [
  "ii \tlinux-image-generic\tlinux-image-6.8.0-31-generic, linux-modules-extra-6.8.0-31-generic, linux-firmware",
  "ii \tlinux-image-generic-hwe-24.04\tlinux-image-6.14.0-33-generic, linux-firmware",
  "ii \tlinux-image-aws\tlinux-image-6.8.0-1039-aws",
];

test.each([
  ["Debian's own, beside the one for clouds", "6.1.0-41-amd64", DEBIAN, "amd64"],
  ["Debian's for clouds", "6.1.0-41-cloud-amd64", DEBIAN, "cloud-amd64"],
  ["Debian's of its backports, where the next one waits for a boot", "6.12.9+bpo-amd64", BACKPORTS, "amd64"],
  ["one whose package was removed", "6.1.0-41-rt-amd64", DEBIAN, ""],
  ["Ubuntu's of two series, whose newer one is booted", "6.14.0-33-generic", UBUNTU, "generic-hwe-24.04"],
  ["a cloud's on Ubuntu", "6.8.0-1039-aws", UBUNTU, "aws"],
  ["a kernel that no package follows", "6.12.1-custom", UBUNTU, ""],
])("the package that brings the next kernel: %s", async (_, running, packages, wanted) => {
  expect(await meta(running, packages)).toBe(wanted);
});
