import { gunzipSync, gzipSync } from "node:zlib";
import { createTar, parseTar } from "nanotar";
import { describe, expect, test } from "vitest";
import { packBackup, SpoiltBackup, unpackBackup, type Backup } from "../../../../plan/backup/archive";

const BACKUP: Backup = {
  stack: "prod",
  at: "2026-11-21T12:00:00.000Z",
  files: { "Pulumi.prod.yaml": "config: {}\n", ".tms-llm/prod/deployed.json": '{"이름":1}\n' },
};

/** The archive with one of its files replaced, added, or (by undefined) left out. */
function changed(path: string, text: string | undefined): Uint8Array {
  const entries = parseTar(new Uint8Array(gunzipSync(packBackup(BACKUP)))).filter(({ name }) => name !== path);
  return gzipSync(createTar([...entries, ...(text === undefined ? [] : [{ name: path, data: text }])]));
}

describe("a backup before it is encrypted", () => {
  test("gives back what was put into it", () => {
    expect(unpackBackup(packBackup(BACKUP))).toEqual(BACKUP);
  });

  test("begins with a manifest that people can read", () => {
    const [manifest] = parseTar(new Uint8Array(gunzipSync(packBackup(BACKUP))));
    expect(manifest?.name).toBe("manifest.json");
    expect(JSON.parse(manifest!.text)).toMatchObject({
      schema: "tms-llm/backup/v1",
      stack: "prod",
      files: [
        { path: "Pulumi.prod.yaml", bytes: 11 },
        { path: ".tms-llm/prod/deployed.json", bytes: 13 },
      ],
    });
  });

  test.each<[string, Uint8Array, string]>([
    [
      "a file of other content",
      changed("Pulumi.prod.yaml", "config: []\n"),
      "is damaged: Pulumi.prod.yaml is not what its manifest says",
    ],
    ["a file too few", changed("Pulumi.prod.yaml", undefined), "lacks Pulumi.prod.yaml, which its manifest names"],
    ["a file too many", changed("more", "x"), "holds more, which its manifest does not name"],
    ["no manifest", changed("manifest.json", undefined), "is no backup: there is no manifest.json in it"],
    [
      "a later version",
      changed("manifest.json", '{"schema":"tms-llm/backup/v2"}'),
      "has a manifest that this version cannot read; it reads tms-llm/backup/v1",
    ],
    ["something else", Buffer.from("hello"), "is no backup: inside the encryption there is no gzipped tar"],
  ])("is refused with %s", (_, archive, message) => {
    expect(() => unpackBackup(archive)).toThrow(new SpoiltBackup(message));
  });
});
