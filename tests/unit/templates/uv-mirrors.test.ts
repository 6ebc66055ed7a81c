import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";

const SCRIPT = join(__dirname, "../../../templates/steps/python-environment.sh");

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "uv-"));
  writeFileSync(join(folder, "uv"), "#!/bin/sh\nenv\n");
  chmodSync(join(folder, "uv"), 0o755);
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What uv is told by the step of where to take packages and Python from. */
async function told(index: string, python: string): Promise<string[]> {
  const script = `set -euo pipefail
    in_uv=${folder} in_home=${folder} RUN_DIR=${folder} in_index='${index}' in_python_mirror='${python}'
    source ${SCRIPT}
    uv pip sync`;
  await execa("bash", ["-c", script], { env: { PATH: process.env["PATH"] }, extendEnv: false });
  const lines = readFileSync(join(folder, "uv.log"), "utf8").split("\n");
  return lines.filter((line) => /^UV_(DEFAULT_INDEX|PYTHON_INSTALL_MIRROR|SYSTEM_CERTS)=/.test(line)).sort();
}

test("uv (a program that prints its environment in its place) is told the mirrors of the stack file", async () => {
  expect(await told("https://mirror.internal/simple", "file:///srv/python")).toEqual([
    "UV_DEFAULT_INDEX=https://mirror.internal/simple",
    "UV_PYTHON_INSTALL_MIRROR=file:///srv/python",
    "UV_SYSTEM_CERTS=1",
  ]);
});

test("uv (the same) is told nothing without them, so that the host's own uv.toml holds", async () => {
  expect(await told("", "")).toEqual(["UV_SYSTEM_CERTS=1"]);
});
