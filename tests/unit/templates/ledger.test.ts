import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";

const LEDGER_SCRIPT = join(__dirname, "..", "..", "..", "templates", "lib", "ledger.sh");
const LINES = ["one", "two", "three", "four"].map((id) => `base\taccount\tfile\t/etc/${id}\tabsent\n`);

/** Stands for an awk that is killed when it has written a part: by a stop, a time limit or want of memory. */
const KILLED_AWK = 'awk() { command awk "$@" | head -n 2; return 137; }';

let state: string;
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), "ledger-"));
  writeFileSync(join(state, "ledger"), LINES.join(""));
});
afterEach(() => rmSync(state, { recursive: true }));

/** Runs commands on the ledger as a step does, and gives the ledger that is left. */
async function ledgerAfter(...commands: string[]): Promise<{ failed: boolean; lines: string[] }> {
  const script = [
    "set -euo pipefail; shopt -s inherit_errexit",
    `STATE=${state} RUN_DIR=${state} VERB=apply PHASE=engine STEP=ollama`,
    `source ${LEDGER_SCRIPT}`,
    ...commands,
  ].join("\n");
  const { failed } = await execa("bash", ["-c", script], { reject: false });
  return { failed, lines: readFileSync(join(state, "ledger"), "utf8").split(/(?<=\n)/) };
}

test("a thing that is taken back is no longer on the ledger", async () => {
  expect(await ledgerAfter("disown_line file /etc/two")).toEqual({
    failed: false,
    lines: LINES.filter((line) => !line.includes("two")),
  });
});

test("a thing that another step takes over keeps its place and what was there before", async () => {
  expect(await ledgerAfter("own file /etc/two kept:1")).toEqual({
    failed: false,
    lines: LINES.map((line) => (line.includes("two") ? "engine\tollama\tfile\t/etc/two\tabsent\n" : line)),
  });
});

test.each([
  ["takes a line out", "disown_line file /etc/one"],
  ["hands a line over", "ledger_field() { echo account; }\nown file /etc/one absent"],
])("no line is lost where the awk that %s is killed (a function in its place)", async (_, command) => {
  expect(await ledgerAfter(KILLED_AWK, command)).toEqual({ failed: true, lines: LINES });
});
