import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseStackConfig } from "../../../../plan/config/parse";
import { readStackFile } from "../../../../plan/config/stack-file";
import { editClient, UneditableStackFile } from "../../../../plan/config/stack-file-edit";
import { changeKeys, type KeyCommand } from "../../../../plan/keys";

const ORIGIN = { stack: "test", file: "Pulumi.test.yaml" };
const NOW = new Date("2026-06-01T12:00:00Z");

const HEAD = `config:
  tms-llm:target:
    kind: sandbox
  tms-llm:models:
    - { name: tiny, source: "builtin:tiny" }
`;

/** A command on a stack file, as far as the lines that change. */
function edit(text: string, command: KeyCommand): string[] {
  const change = changeKeys("dev", parseStackConfig(readStackFile(text, ORIGIN.file), ORIGIN).clients, command, NOW);
  if ("refused" in change) throw new Error(change.refused);
  const [before, after] = [text, editClient(text, change, ORIGIN)].map((lines) => lines.split("\n"));
  return [
    ...before!.filter((line) => !after!.includes(line)).map((line) => `- ${line.trim()}`),
    ...after!.filter((line) => !before!.includes(line)).map((line) => `+ ${line.trim()}`),
  ];
}

describe("editClient", () => {
  const projects = ["dev", "prod"].map((stack) => [`Pulumi.${stack}.yaml`]);
  test.each(projects)("changes nothing of %s but the client's slot, however long its comments are", (file) => {
    const text = readFileSync(join(__dirname, "../../../..", file), "utf8")
      .replace("<paste the key here>", HOST_KEY)
      .replace("<paste the checksum here>", "a".repeat(64));
    const changed = edit(text, { verb: "rotate", client: "tms" });
    expect(changed.filter((line) => line.startsWith("+"))).toHaveLength(1);
    expect(changed.at(-1)).toMatch(/^\+ (tms: \{ a: 1, b: 2 \}|b: 2)$/);
  });

  test.each<[what: string, clients: string, command: KeyCommand, changed: string[]]>([
    [
      "fills slot b of a client on one line",
      "    tms: { a: 1 } # the application\n",
      { verb: "rotate", client: "tms" },
      ["- tms: { a: 1 } # the application", "+ tms: { a: 1, b: 2 } # the application"],
    ],
    [
      "fills slot a before slot b",
      "    tms: { b: 4 }\n",
      { verb: "rotate", client: "tms" },
      ["- tms: { b: 4 }", "+ tms: { a: 5, b: 4 }"],
    ],
    [
      "fills a slot of a client on several lines, before its last day",
      "    tms:\n      # since May\n      a: 1\n      expires: '2026-12-31'\n",
      { verb: "rotate", client: "tms" },
      ["+ b: 2"],
    ],
    [
      "gives the new key a last day",
      "    tms: { a: 1 }\n",
      { verb: "rotate", client: "tms", expires: "2026-12-31" },
      ["- tms: { a: 1 }", '+ tms: { a: 1, b: { generation: 2, expires: "2026-12-31" } }'],
    ],
    [
      "empties a slot and keeps the comment of the other",
      "    tms:\n      a: 1 # old\n      b: 2 # new\n",
      { verb: "finish", client: "tms" },
      ["- a: 1 # old"],
    ],
    [
      "raises a revoked key's generation where it stands, its last day included",
      "    tms:\n      a:\n        generation: 3 # leaked\n        expires: '2026-12-31'\n",
      { verb: "revoke", client: "tms" },
      ["- generation: 3 # leaked", "+ generation: 4 # leaked"],
    ],
    [
      "leaves the layout of the other lines alone",
      "    tms: {a:   1}   # the application\n    rag: { a: 7 }\n",
      { verb: "rotate", client: "rag" },
      ["- rag: { a: 7 }", "+ rag: { a: 7, b: 8 }"],
    ],
  ])("%s", (_, clients, command, changed) => {
    expect(edit(`${HEAD}  tms-llm:clients:\n${clients}`, command)).toEqual(changed);
  });

  test("keeps lists that are not indented, and an indentation by four", () => {
    const text = `config:
    tms-llm:target:
        kind: sandbox
    tms-llm:models:
    - name: tiny
      source: builtin:tiny
    clients:
        tms: { a: 1 }
`;
    expect(edit(text, { verb: "rotate", client: "tms" })).toEqual(["- tms: { a: 1 }", "+ tms: { a: 1, b: 2 }"]);
  });

  test("writes out the clients where the file leaves them to the default", () => {
    expect(edit(HEAD, { verb: "rotate", client: "tms" })).toEqual(["+ tms-llm:clients:", "+ tms:", "+ a: 1", "+ b: 2"]);
  });

  test.each([
    ["a client that is another's alias", "    app: &same { a: 1 }\n    tms: *same\n"],
    ["a client whose mapping another one shares", "    tms: &same { a: 1 }\n    app: *same\n"],
  ])("refuses %s: the change would not be that client's alone", (_, clients) => {
    expect(() => edit(`${HEAD}  tms-llm:clients:\n${clients}`, { verb: "rotate", client: "tms" })).toThrow(
      UneditableStackFile,
    );
  });

  test("refuses a generation above the highest", () => {
    const text = `${HEAD}  tms-llm:clients:\n    tms: { a: 1000000 }\n`;
    expect(() => edit(text, { verb: "rotate", client: "tms" })).toThrow("a whole number from 1 to 1000000");
  });
});

const HOST_KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIGJ1lQ9bJ8JH4m4sJ3o5l0k7Qz0Xw2Y9c3VnT6u5r8aB";
