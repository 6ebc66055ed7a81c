import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const PROJECT = resolve(__dirname, "../../..");
const READ = `import input from "./cli/secret-input.ts";
  console.log(await input.readNewPassphrase("give one").catch(({ message, exitCode }) => message + ", " + exitCode));`;

/** Real programs, since what standard input can do depends on what it is. */
describe("a passphrase from standard input", () => {
  let folder: string;
  const read = async (script: string) => {
    const program = `read_it() { node --import tsx --input-type=module --eval "$READ"; }; ${script}`;
    return (await execa("bash", ["-c", program], { cwd: PROJECT, env: { READ, FILE: join(folder, "pass") } })).stdout;
  };

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "tms-llm-pass-"));
    writeFileSync(join(folder, "pass"), "six random words\nanother line\n");
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([
    ["the first line of a file", 'read_it <"$FILE"', "six random words"],
    [
      "the first line of a pipe whose writer goes on",
      'read_it < <(cat "$FILE"; exec sleep 30 2>&-)',
      "six random words",
    ],
    ["nothing, which is refused", "read_it </dev/null", "no passphrase was given, 4"],
    [
      "a short one, which is refused",
      "read_it <<<short",
      "the passphrase has 5 characters, which can be guessed; allowed are 12 and more, 4",
    ],
  ])("is %s", async (_, script, said) => {
    expect(await read(script)).toBe(said);
  });
});
