import { describe, expect, it } from "vitest";
import { encodeGguf } from "../../../toolchain/gguf-writer";

/** The shortest reader that can follow one tensor; written against the format's document, not against the writer. */
function firstTensor(file: Buffer) {
  let at = 24;
  const number = () => Number(file.readBigUInt64LE((at += 8) - 8));
  const text = () => {
    const length = number();
    return file.toString("utf8", at, (at += length));
  };
  const entries: Record<string, unknown> = {};
  for (let left = Number(file.readBigUInt64LE(16)); left > 0; left--) {
    const key = text();
    const type = file.readUInt32LE((at += 4) - 4);
    if (type === 8) entries[key] = text();
    else if (type === 4) entries[key] = file.readUInt32LE((at += 4) - 4);
    else throw new Error(`the test's reader does not know type ${type}`);
  }
  const name = text();
  const dimensions = file.readUInt32LE((at += 4) - 4);
  const shape = Array.from({ length: dimensions }, number);
  at += 4;
  const offset = number();
  const start = Math.ceil(at / 32) * 32 + offset;
  return {
    entries,
    name,
    shape,
    values: [file.readFloatLE(start), file.readFloatLE(start + 4)],
    start,
    end: file.length,
  };
}

describe("encodeGguf", () => {
  const metadata = {
    "general.architecture": { type: "string", value: "llama" },
    "general.name": { type: "string", value: "한글" },
    "llama.block_count": { type: "uint32", value: 2 },
  } as const;

  it("writes what a reader of the format finds again, text in UTF-8 and data aligned to 32 bytes", () => {
    const file = encodeGguf(metadata, [{ name: "weight", shape: [2, 1], data: Float32Array.of(1.5, -2) }]);

    expect(file.toString("ascii", 0, 4)).toBe("GGUF");
    expect(file.readUInt32LE(4)).toBe(3);
    const read = firstTensor(file);
    expect(read).toMatchObject({
      entries: { "general.architecture": "llama", "general.name": "한글", "llama.block_count": 2 },
      name: "weight",
      shape: [2, 1],
      values: [1.5, -2],
    });
    expect(read.start % 32).toBe(0);
    expect(read.end - read.start).toBe(32);
  });

  it("refuses a tensor whose shape does not fit its numbers", () => {
    expect(() => encodeGguf(metadata, [{ name: "weight", shape: [3, 2], data: new Float32Array(5) }])).toThrow(
      "tensor weight: the shape 3×2 holds 6 numbers, found 5",
    );
  });
});
