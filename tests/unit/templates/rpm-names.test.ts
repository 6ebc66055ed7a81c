import { join } from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";
import { COMPILERS } from "../../../plan/engines/cuda";

const LIBRARY = join(__dirname, "..", "..", "..", "templates", "lib", "packages-dnf.sh");

test("what an engine compiles with has its names in RHEL's family", async () => {
  const program = `STATE=; source "$1"; for name in "\${@:2}"; do rpm_name "$name"; done`;
  const { stdout } = await execa("bash", ["-euc", program, "-", LIBRARY, ...COMPILERS]);
  expect(stdout.split("\n")).toEqual(["gcc", "gcc-c++", "glibc-devel"]);
});
