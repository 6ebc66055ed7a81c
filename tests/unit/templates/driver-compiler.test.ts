import { join } from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";

const LIB = join(__dirname, "..", "..", "..", "templates", "lib", "driver-compiler.sh");
const run = async (command: string, ...words: string[]) =>
  (await execa("bash", ["-c", `set -euo pipefail; source "$0"; ${command}`, LIB, ...words])).stdout;

test.each([
  ["Oracle's kernel 7, by its headers", "gcc (GCC) 11.2.1 20220127 (Red Hat 11.2.1-9.2.0.1)", "11"],
  ["Oracle's kernel 8, by its headers", "gcc (GCC) 14.2.1 20240801 (Red Hat 14.2.1-1)", "14"],
  [
    "Oracle's kernel 7, as it says itself",
    "Linux version 5.15.0-300.163.18.el8uek.x86_64 (mockbuild@host-100-100-224-9) (gcc (GCC) 11.2.1 20220127 (Red Hat 11.2.1-9.2.0.1), GNU ld version 2.36.1-2.0.2.el8) #2 SMP Thu Jan 1 00:00:00 PST 2026",
    "11",
  ],
  [
    "Red Hat's kernel of release 8, as it says itself",
    "Linux version 4.18.0-553.el8_10.x86_64 (mockbuild@x86-vm-09) (gcc version 8.5.0 20210514 (Red Hat 8.5.0-21) (GCC)) #1 SMP Fri May 24 00:00:00 UTC 2024",
    "8",
  ],
  ["Red Hat's kernel of release 9", "gcc (GCC) 11.5.0 20240719 (Red Hat 11.5.0-5)", "11"],
  ["Debian's kernel", "gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0", "12"],
  ["Ubuntu's kernel", "x86_64-linux-gnu-gcc-13 (Ubuntu 13.3.0-6ubuntu2~24.04) 13.3.0", "13"],
  ["a kernel that clang has built", "clang version 17.0.6", ""],
  ["no text at all", "", ""],
])("the release of the gcc that a kernel was built by: %s", async (_, text, release) => {
  expect(await run('gcc_release "$1"', text)).toBe(release);
});

/** What becomes of a module's own command once DKMS has read the file after the module's dkms.conf. */
const command = (kernel: string, built: string) =>
  run(
    `kernelver=$1; MAKE[0]="'make' -j4 modules"; dkms_conf "$2" 11 >"$3"; source "$3"; rm "$3"; printf '%s' "\${MAKE[0]}"`,
    kernel,
    built,
    join("/tmp", `tms-llm-test-dkms-${process.pid}.conf`),
  );
const UEK = "5.15.0-300.163.18.el8uek.x86_64";

test.each([
  ["the kernel that is running", UEK, UEK, true],
  ["the next one of Oracle's", "5.15.0-310.185.4.el8uek.x86_64", UEK, true],
  ["Red Hat's beside it, which the system's own gcc has built", "4.18.0-553.el8_10.x86_64", UEK, false],
  ["another kernel than a third party's that is running", "6.1.1-1.el8.x86_64", "6.12.9-1.el8.elrepo.x86_64", false],
])("DKMS builds with the newer compiler or the system's: %s", async (_, kernel, built, newer) => {
  expect(await command(kernel, built)).toBe(
    `${newer ? "export PATH=/opt/rh/gcc-toolset-11/root/usr/bin:$PATH; " : ""}'make' -j4 modules`,
  );
});
