import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { downloadFile, downloadText } from "../../../toolchain/download";

const folder = mkdtempSync(join(tmpdir(), "tms-llm-mirror-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("a mirror that is a folder of this machine", () => {
  const list = join(folder, "sha256sum.txt");
  writeFileSync(list, "카나나\n");
  const sha256 = createHash("sha256").update(readFileSync(list)).digest("hex");

  test("is read like a server", async () => {
    const copy = join(folder, "copy");
    expect(await downloadText(pathToFileURL(list).href)).toBe("카나나\n");
    expect(await downloadFile(pathToFileURL(list).href, copy, () => undefined)).toBe(sha256);
    expect(readFileSync(copy, "utf8")).toBe("카나나\n");
  });

  test("lacks a file: said with its path", async () => {
    await expect(downloadText(pathToFileURL(join(folder, "absent")).href)).rejects.toThrow(
      `${folder}/absent could not be downloaded`,
    );
  });
});
