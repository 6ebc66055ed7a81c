import { execa } from "execa";
import { expect, test } from "vitest";
import { gzippedTar } from "../../../plan/gzipped-tar";

// A header, then data: together they fill a record of twenty blocks, all but one, all but two.
test.each([19, 18, 17])("tar reads an archive with %d blocks of data without a word", async (blocks) => {
  const input = gzippedTar([{ path: "file", data: Buffer.alloc(blocks * 512, "a") }], "2026-11-30T00:00:00Z");
  const { stdout, stderr } = await execa("tar", ["-tz"], { input });
  expect([stdout, stderr]).toEqual(["file", ""]);
});
