import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, test } from "vitest";
import { LINES_SINCE, linesLeftOut } from "../../../plan/catalog/systemd";
import { KNOWN_TO_239, NEWER_NGINX, NEWER_VALUES, NEWER_WORDS, type NewerWord } from "./floors";

/** What lands on a host is read by the oldest of its programs, not by those of the machine that tests. */

const ROOT = join(__dirname, "..", "..", "..");
const files = (...patterns: string[]) => globSync(patterns, { cwd: ROOT }).sort();
const isComment = (line: string) => /^\s*(#|\/\/|\*|\/\*)/.test(line);

/** The lines of a file but for comments; one that goes on behind a backslash is one. */
const lines = (path: string) =>
  readFileSync(join(ROOT, path), "utf8")
    .replaceAll(/\\\n\s*/g, "")
    .split("\n")
    .filter((line) => !isComment(line));

const newer = (text: string, list: readonly NewerWord[]) =>
  list
    .filter(({ pattern }) => pattern.test(text))
    .map(({ tool, since, floor }) => `${tool} ${since}; a host may have ${floor}`);

const tooNew = (paths: readonly string[], list: readonly NewerWord[]) =>
  paths.flatMap((path) =>
    lines(path).flatMap((line) => newer(line, list).map((fault) => `${path}: ${line.trim()}\n  ${fault}`)),
  );

// Beside the scripts: shell that is sent by this program itself.
const SHELL = files("templates/**/*.sh", "templates/units/*", "{plan,cli,smoke,components}/**/*.ts");
const NGINX = files("templates/nginx/*.conf", "tests/golden/*/files/etc/nginx/**/*.conf");
const UNITS = files("tests/golden/*/files/etc/systemd/system/*");

describe("nothing on a host is newer than the oldest listed system knows", () => {
  test.each([...NEWER_WORDS, ...NEWER_NGINX, ...NEWER_VALUES])("the list finds “$example”", ({ example, ...word }) => {
    expect(newer(example, [{ example, ...word }])).toHaveLength(1);
  });

  test("no script uses a newer word of a tool", () => {
    expect(SHELL.length).toBeGreaterThan(100);
    expect(tooNew(SHELL, NEWER_WORDS)).toEqual([]);
  });

  test("nginx's configuration has no newer directive", () => {
    expect(NGINX.length).toBeGreaterThan(10);
    expect(tooNew(NGINX, NEWER_NGINX)).toEqual([]);
  });

  const UNIT_LINES = UNITS.flatMap(lines);

  test("each line of a unit is known to systemd 239, or preflight says that it is left out", () => {
    const directives = new Set(UNIT_LINES.flatMap((line) => /^([A-Z]\w+)=/.exec(line)?.[1] ?? []));
    expect(directives.size).toBeGreaterThan(50);
    expect([...directives].filter((name) => !KNOWN_TO_239.has(name) && !(name in LINES_SINCE))).toEqual([]);
    const values = UNIT_LINES.filter((line) => newer(line, NEWER_VALUES).length > 0);
    expect([...new Set(values)].filter((line) => !(line in LINES_SINCE))).toEqual([]);
  });

  test("preflight names no line that no unit has", () => {
    expect(
      Object.keys(LINES_SINCE).filter(
        (name) => !UNIT_LINES.some((line) => line === name || line.startsWith(`${name}=`)),
      ),
    ).toEqual([]);
  });

  test.each([
    ["239 (239-82.el8)", Object.keys(LINES_SINCE)],
    ["246", ["ProtectProc", "ProcSubset"]],
    ["249.11-0ubuntu3.12", []],
    ["252.39-1~deb12u1", []],
    ["255", []],
    [null, []],
  ])("systemd %s leaves out what it does not know", (version, left) => {
    expect(linesLeftOut(version)).toEqual(left);
  });

  // python3 parses by the grammar of an older release.
  test.each(files("templates/lib/*.py"))("%s is Python 3.6, Enterprise Linux 8's own", async (path) => {
    const parse = "import ast, sys; ast.parse(sys.stdin.read(), feature_version=(3, 6))";
    const read = (input: string) => execa("python3", ["-c", parse], { input, reject: false });
    expect((await read("if (n := 1): pass")).failed).toBe(true);
    const { failed, stderr } = await read(readFileSync(join(ROOT, path), "utf8"));
    expect(failed, stderr).toBe(false);
  });
});
