import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { encodeTinyModel, TINY_MODEL_SHA256 } from "../../../toolchain/tiny-model";
import { FIRST_WORD, TOKEN_TYPE, VOCABULARY } from "../../../toolchain/tiny-vocabulary";

describe("the tiny model", () => {
  it("is always the same file, the one whose checksum is recorded", () => {
    expect(createHash("sha256").update(encodeTinyModel()).digest("hex")).toBe(TINY_MODEL_SHA256);
  });

  it("is smaller than a megabyte", () => {
    expect(encodeTinyModel().length).toBeLessThan(1_000_000);
  });
});

describe("its vocabulary", () => {
  it("reads any text: every byte is a token", () => {
    const bytes = VOCABULARY.filter(({ type }) => type === TOKEN_TYPE.byte).map(({ text }) => text);
    expect(bytes).toHaveLength(256);
    expect(bytes[0]).toBe("<0x00>");
    expect(bytes[255]).toBe("<0xFF>");
  });

  it("speaks in whole words, about half of them Korean, none twice", () => {
    const words = VOCABULARY.slice(FIRST_WORD);
    expect(words.every(({ type }) => type === TOKEN_TYPE.normal)).toBe(true);
    const korean = words.filter(({ text }) => /\p{Script=Hangul}/u.test(text)).length;
    expect(korean / words.length).toBeGreaterThan(0.4);
    expect(korean / words.length).toBeLessThan(0.6);
    expect(new Set(VOCABULARY.map(({ text }) => text)).size).toBe(VOCABULARY.length);
  });

  it("survives a split at any token: each word alone is valid UTF-8", () => {
    for (const { text } of VOCABULARY) expect(Buffer.from(text, "utf8").toString("utf8")).toBe(text);
  });
});
