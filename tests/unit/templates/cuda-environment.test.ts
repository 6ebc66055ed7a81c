import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { expect, onTestFinished, test } from "vitest";

const PROGRAM = join(__dirname, "../../harness/cuda-environment.sh");

/** Makes a wheel as uv's is laid out. */
const MAKE = `import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    wheel.writestr("uv-1.data/scripts/uv", '#!/bin/sh\\necho "$@" >>"$UV_CACHE_DIR-asked"\\n')
`;

test("what installs a lock file for the opt-in test gives the step's functions every name that they read (a program that notes what it is asked in uv's place)", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tms-llm-cuda-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const wheel = join(folder, "uv-1-py3-none-any.whl");
  await execa("python3", ["-c", MAKE, wheel]);
  const { all, exitCode } = await execa(PROGRAM, [folder, wheel, "/locks/1-cuda.txt", "3.12.16"], {
    all: true,
    reject: false,
  });
  expect([exitCode, all]).toEqual([0, "  Python 3.12.16\n  install 1-cuda  (cuda)"]);
  const { stdout } = await execa("cat", [join(folder, ".uv-asked")]);
  expect(stdout.split("\n")).toEqual([
    `venv --python 3.12.16 --managed-python ${folder}/release`,
    `pip sync --python ${folder}/release/bin/python --require-hashes --no-build --compile-bytecode /locks/1-cuda.txt`,
  ]);
});
