import { describe, expect, test } from "vitest";
import { SpoiltBackup, type Backup } from "../../../../plan/backup/archive";
import { STATE } from "../../../../plan/backup/contents";
import { checkContents, overwritten, restoredText } from "../../../../plan/backup/restoration";

const state = (...urns: string[]) =>
  JSON.stringify({ version: 3, deployment: { resources: urns.map((urn) => ({ urn })) } });
const FILES = { [STATE]: state("a", "b"), "Pulumi.prod.yaml": "config: {}\n", ".tms-llm/prod/deployed.json": "{}\n" };
const backup = (files: Record<string, string> = {}): Backup => ({
  stack: "prod",
  at: "2026-11-21T12:00:00.000Z",
  files: { ...FILES, ...files },
});

describe("what a backup may hold", () => {
  test("is what a backup of the stack writes", () => {
    expect(() => checkContents(backup())).not.toThrow();
  });

  test.each<[string, Record<string, string>, string]>([
    ["a path outside of the clone", { "../.bashrc": "" }, "holds ../.bashrc, for which this version has no place"],
    ["another stack's file", { "Pulumi.dev.yaml": "" }, "holds Pulumi.dev.yaml, for which this version has no place"],
    [
      "no CA where one should be",
      { ".tms-llm/prod/restored-ca.pem": "'; rm -rf /" },
      "holds a CA that is not one private key and one certificate in PEM",
    ],
  ])("not %s", (_, files, message) => {
    expect(() => checkContents(backup(files))).toThrow(new SpoiltBackup(message));
  });
});

test("a backup without Pulumi's state restores nothing", () => {
  const files = { "Pulumi.prod.yaml": "config: {}\n" };
  expect(() => checkContents({ ...backup(), files })).toThrow("lacks pulumi-state.json");
});

describe("what a restore would overwrite", () => {
  test.each<[string, Record<string, string>, string[]]>([
    ["nothing in an empty clone", {}, []],
    ["nothing in a stack that was made and never deployed", { [STATE]: state() }, []],
    ["nothing where everything is as in the backup", FILES, []],
    ["not the salt of this machine's passphrase", { "Pulumi.prod.yaml": "config: {}\nencryptionsalt: v1:here\n" }, []],
    [
      "a live state",
      { [STATE]: state("a") },
      ["Pulumi's state of prod, with its API keys: 1 resources here, 2 in the backup"],
    ],
    [
      "a stack file that says something else",
      { "Pulumi.prod.yaml": "config: { tms-llm:x: 1 }\n" },
      ["Pulumi.prod.yaml"],
    ],
  ])("%s", (_, present, lines) => {
    expect(overwritten(backup(), present)).toEqual(lines);
  });
});

test("a restored stack file keeps the salt that belongs to the passphrase used here", () => {
  const here = "encryptionsalt: v1:here\n";
  expect(restoredText("Pulumi.prod.yaml", "encryptionsalt: v1:there\nconfig: {}\n", here)).toBe(`config: {}\n${here}`);
  expect(restoredText("Pulumi.prod.yaml", "encryptionsalt: v1:there\nconfig: {}\n")).toBe("config: {}\n");
  expect(restoredText("facts.prod.yaml", "schema: 1\n", here)).toBe("schema: 1\n");
});
