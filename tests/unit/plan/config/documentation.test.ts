import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { withTables } from "../../../../toolchain/configuration-docs";

const document = readFileSync(join(__dirname, "../../../../docs/configuration.md"), "utf8");

describe("docs/configuration.md", () => {
  test("has the tables that the schema gives; else run `npx tsx toolchain/configuration-docs.ts`", () => {
    expect(document).toBe(withTables(document));
  });

  test("is found stale when a default differs", () => {
    const stale = document.replace("`11434`", "`11435`");
    expect(stale).not.toBe(document);
    expect(stale).not.toBe(withTables(stale));
  });
});
