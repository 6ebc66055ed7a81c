import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { GENERATED, withTables } from "../../../../toolchain/configuration-docs";

describe.each(GENERATED)("docs/$document", (generated) => {
  const document = readFileSync(join(__dirname, "../../../../docs", generated.document), "utf8");

  test(`has the tables that ${generated.source} gives; else run \`npx tsx toolchain/configuration-docs.ts\``, () => {
    expect(document).toBe(withTables(document, generated));
  });

  test.each(["`11434`", "`LLM_TIMEOUT`"].filter((word) => document.includes(word)))(
    "is found stale when %s is another word",
    (word) => {
      const stale = document.replace(word, "`another`");
      expect(stale).not.toBe(withTables(stale, generated));
    },
  );
});
