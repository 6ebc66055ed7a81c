/**
 * Writes GGUF version 3 (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md): what a file of float32 tensors needs,
 * and no more. Own code because the packages on npm only read the format.
 */

/** A metadata value; the tag is the type that the format stores. */
export type GgufValue =
  | { readonly type: "uint32" | "int32" | "float32"; readonly value: number }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "int32[]" | "float32[]"; readonly value: readonly number[] }
  | { readonly type: "string[]"; readonly value: readonly string[] };

/** A float32 tensor. `shape` is in the format's order: the contiguous dimension first, so `[columns, rows]`. */
export interface GgufTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

const ALIGNMENT = 32;
const TYPE_ID = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const;
const TENSOR_FLOAT32 = 0;

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

function float32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function string(value: string): Buffer {
  const text = Buffer.from(value, "utf8");
  return Buffer.concat([uint64(text.length), text]);
}

function array<T>(element: number, values: readonly T[], encode: (value: T) => Buffer): Buffer {
  return Buffer.concat([uint32(TYPE_ID.array), uint32(element), uint64(values.length), ...values.map(encode)]);
}

function encodeValue(entry: GgufValue): Buffer {
  switch (entry.type) {
    case "uint32":
      return Buffer.concat([uint32(TYPE_ID.uint32), uint32(entry.value)]);
    case "int32":
      return Buffer.concat([uint32(TYPE_ID.int32), int32(entry.value)]);
    case "float32":
      return Buffer.concat([uint32(TYPE_ID.float32), float32(entry.value)]);
    case "bool":
      return Buffer.concat([uint32(TYPE_ID.bool), Buffer.from([entry.value ? 1 : 0])]);
    case "string":
      return Buffer.concat([uint32(TYPE_ID.string), string(entry.value)]);
    case "int32[]":
      return array(TYPE_ID.int32, entry.value, int32);
    case "float32[]":
      return array(TYPE_ID.float32, entry.value, float32);
    case "string[]":
      return array(TYPE_ID.string, entry.value, string);
    default:
      return entry satisfies never;
  }
}

/** Explicitly little-endian, whatever the machine is. */
function encodeFloats(data: Float32Array): Buffer {
  const bytes = Buffer.alloc(data.length * 4);
  data.forEach((value, index) => bytes.writeFloatLE(value, index * 4));
  return bytes;
}

function padding(length: number): Buffer {
  return Buffer.alloc((ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT);
}

/** The whole file as bytes; the same input gives the same bytes on every machine. */
export function encodeGguf(metadata: Readonly<Record<string, GgufValue>>, tensors: readonly GgufTensor[]): Buffer {
  const entries = Object.entries(metadata);
  const header: Buffer[] = [Buffer.from("GGUF", "ascii"), uint32(3), uint64(tensors.length), uint64(entries.length)];
  for (const [key, value] of entries) header.push(string(key), encodeValue(value));

  const body: Buffer[] = [];
  let offset = 0;
  for (const { name, shape, data } of tensors) {
    const expected = shape.reduce((product, size) => product * size, 1);
    if (expected !== data.length) {
      throw new Error(`tensor ${name}: the shape ${shape.join("×")} holds ${expected} numbers, found ${data.length}`);
    }
    header.push(string(name), uint32(shape.length), ...shape.map(uint64), uint32(TENSOR_FLOAT32), uint64(offset));
    const bytes = encodeFloats(data);
    const padded = Buffer.concat([bytes, padding(bytes.length)]);
    body.push(padded);
    offset += padded.length;
  }
  const head = Buffer.concat(header);
  return Buffer.concat([head, padding(head.length), ...body]);
}
