import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { TINY_SHAPE } from "../../../toolchain/tiny-model";
import { encodeTinyModelFolder, TINY_FOLDER_SHA256, tinyModelFolder } from "../../../toolchain/tiny-model-folder";
import { VOCABULARY } from "../../../toolchain/tiny-vocabulary";

const folder = tinyModelFolder();
const json = (name: string) => JSON.parse(String(folder[name])) as Record<string, unknown>;

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** Header and data of a safetensors file. */
function read(file: Buffer): { entries: Record<string, Entry>; data: Buffer } {
  const length = Number(file.readBigUInt64LE());
  const header = JSON.parse(file.toString("utf8", 8, 8 + length)) as Record<string, Entry>;
  const entries = Object.fromEntries(Object.entries(header).filter(([name]) => name !== "__metadata__"));
  return { entries, data: file.subarray(8 + length) };
}

describe("the tiny model as a folder", () => {
  it("is always the same archive, the one whose checksum is recorded", () => {
    expect(createHash("sha256").update(encodeTinyModelFolder()).digest("hex")).toBe(TINY_FOLDER_SHA256);
  });

  it("has a tensor of the right size for every place in the file, without a gap", () => {
    const { entries, data } = read(folder["model.safetensors"] as Buffer);
    let end = 0;
    for (const { shape, data_offsets } of Object.values(entries)) {
      expect(data_offsets[0]).toBe(end);
      end = data_offsets[1];
      expect(end - data_offsets[0]).toBe(4 * shape.reduce((product, size) => product * size, 1));
    }
    expect(end).toBe(data.length);
    expect(Object.keys(entries)).toHaveLength(3 + 9 * TINY_SHAPE.LAYERS);
  });

  it("says of itself what the tensors say", () => {
    const { entries } = read(folder["model.safetensors"] as Buffer);
    const config = json("config.json");
    const heads = Number(config["num_attention_heads"]) * Number(config["head_dim"]);
    expect(entries["model.layers.0.self_attn.q_proj.weight"]!.shape).toEqual([heads, config["hidden_size"]]);
    expect(entries["model.layers.0.self_attn.o_proj.weight"]!.shape).toEqual([config["hidden_size"], heads]);
    expect(entries["lm_head.weight"]!.shape).toEqual([VOCABULARY.length, config["hidden_size"]]);
  });

  it("reads and writes any text: every byte is a token of the tokenizer", () => {
    const { model } = json("tokenizer.json") as { model: { vocab: [string, number][]; byte_fallback: boolean } };
    expect(model.byte_fallback).toBe(true);
    expect(model.vocab.filter(([text]) => /^<0x[0-9A-F]{2}>$/.test(text))).toHaveLength(256);
  });
});
