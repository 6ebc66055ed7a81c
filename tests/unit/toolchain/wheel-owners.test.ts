import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, describe, expect, test } from "vitest";

const ROOT = join(__dirname, "..", "..", "..");
const LISTS = join(ROOT, "tests", "fixtures", "wheels");

const folder = mkdtempSync(join(tmpdir(), "tms-llm-wheels-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Makes a small wheel of the files that are named, `path` or `path=text`; its own name is in those without a text. */
const MAKE = `import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    for file in sys.stdin.read().splitlines():
        path, _, text = file.partition("=")
        wheel.writestr(path, text.replace("|", "\\n") or sys.argv[1])
`;

async function wheel(name: string, files: readonly string[]): Promise<string> {
  const path = join(folder, name);
  await execa("python3", ["-c", MAKE, path], { input: files.join("\n") });
  return path;
}

/** What is said of wheels, none where nothing is wrong with them. */
async function faults(...wheels: string[]): Promise<string | undefined> {
  const program = join(ROOT, "toolchain", "python", "wheel_owners.py");
  const { exitCode, stderr } = await execa("python3", [program, ...wheels], { reject: false });
  return exitCode === 0 ? undefined : stderr;
}

/** A published wheel by its recorded list of files, with other contents. */
async function recorded(start: string): Promise<string> {
  const list = readdirSync(LISTS).find((name) => name.startsWith(start))!;
  const files = readFileSync(join(LISTS, list), "utf8").trim().split("\n");
  return wheel(list.slice(0, -".list".length), files);
}

describe("two wheels that would both install a path", () => {
  test("the pair that vLLM 0.32.0 was locked to once is refused, by its recorded lists", async () => {
    expect(await faults(await recorded("cuda_python-12.6.2"), await recorded("cuda_bindings-13.5.0"))).toMatch(
      /^cuda_bindings-13\.5\.0-\S+ and cuda_python-12\.6\.2\S+ both own 28 paths, such as site-packages\/cuda\/bindings\/__init__\.pxd$/,
    );
  });

  test("the pair that took its place is not", async () => {
    expect(await faults(await recorded("cuda_python-13"), await recorded("cuda_bindings-13.4.4"))).toBeUndefined();
  });

  test.each([
    ["a module", ["shared/a.py"], ["shared/a.py"], "site-packages/shared/a.py"],
    [
      "a module, in the folder of data of one",
      ["shared/a.py"],
      ["b-1.data/purelib/shared/a.py"],
      "site-packages/shared/a.py",
    ],
    ["a program", ["a-1.data/scripts/serve"], ["b-1.data/scripts/serve"], "bin/serve"],
    [
      "a program that an installer writes",
      ["a-1.dist-info/entry_points.txt=[console_scripts]|serve = a:main"],
      ["b-1.dist-info/entry_points.txt=[console_scripts]|serve = b:main"],
      "bin/serve",
    ],
  ])("are refused for %s", async (_title, one, other, path) => {
    const found = await faults(await wheel("a-1-py3-none-any.whl", one), await wheel("b-1-py3-none-any.whl", other));
    expect(found).toBe(`a-1-py3-none-any.whl and b-1-py3-none-any.whl both own 1 path, such as ${path}`);
  });

  test.each([
    ["the same file", "shared/__init__.py=# the same"],
    ["what builds them from source", "build_backend.py"],
  ])("are let pass with %s", async (_title, file) => {
    expect(await faults(await wheel("a-1-py3-none-any.whl", [file]), await wheel("b-1-py3-none-any.whl", [file]))).toBe(
      undefined,
    );
  });
});
