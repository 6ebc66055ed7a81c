/** Writes the safetensors format (https://github.com/huggingface/safetensors#format): own code because npm has only readers. */

/** A float32 tensor in row-major order; `shape` begins with the slowest dimension. */
export interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

const ALIGNMENT = 8;

/** The file's bytes: length of the header, header (JSON: name → type, shape, place), data in little-endian order. */
export function encodeSafetensors(tensors: readonly Tensor[]): Buffer {
  let end = 0;
  const entries = tensors.map(({ name, shape, data }) => {
    const begin = end;
    end += data.byteLength;
    return [name, { dtype: "F32", shape, data_offsets: [begin, end] }] as const;
  });
  const text = JSON.stringify({ __metadata__: { format: "pt" }, ...Object.fromEntries(entries) });
  // Padded with spaces, so that the data is aligned.
  const header = Buffer.from(text.padEnd(Math.ceil(Buffer.byteLength(text) / ALIGNMENT) * ALIGNMENT));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, ...tensors.map(({ data }) => floats(data))]);
}

function floats(data: Float32Array): Buffer {
  const bytes = Buffer.alloc(data.byteLength);
  data.forEach((value, index) => bytes.writeFloatLE(value, 4 * index));
  return bytes;
}
