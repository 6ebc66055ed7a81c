import { encodeGguf, type GgufTensor, type GgufValue } from "./gguf-writer";
import { BEGIN, FIRST_WORD, TOKEN_TYPE, TURN_END, TURN_START, UNKNOWN, VOCABULARY } from "./tiny-vocabulary";

/**
 * The default model of the dev stack: a llama of two layers with random weights. It answers with noise, on purpose: it needs
 * no download, loads in a moment and exercises the same path as a real model.
 *
 * Four of the 64 dimensions of the residual stream are kept free of noise, so that the noise behaves:
 * - CONSTANT is the same for every token and serves as the bias that the architecture lacks. Bytes and special tokens are
 *   pushed down by it: an answer consists of whole words, thus of valid UTF-8, about half of it Korean.
 * - MARKER is set on the tokens that open a turn; one attention head of the first layer looks for the last of them.
 * - RECENT is what that head writes: the turn was opened fewer than about ANSWER_TOKENS ago. While it is set the model cannot
 *   end the turn, afterwards it does, whatever the temperature.
 * Each word is followed by its successor on a random cycle through all words unless the context is stronger: without this a
 * model of random weights repeats one word for ever at temperature 0.
 */

const WIDTH = 64;
const LAYERS = 2;
const HEADS = 4;
const HEAD_WIDTH = WIDTH / HEADS;
const FEED_FORWARD = 128;
const CONTEXT = 8192;
const ROPE_BASE = 100_000;
/** The model's dimensions, for its other file formats. */
export const TINY_SHAPE = { WIDTH, LAYERS, HEADS, HEAD_WIDTH, FEED_FORWARD, CONTEXT, ROPE_BASE } as const;
const SEED = 20_251_121;

/** Checksum of the file that `encodeTinyModel` gives, wherever it runs; to be renewed with any change to the model. */
export const TINY_MODEL_SHA256 = "e618be83aa1d4bc6f18d7972b36cc11bdcb318e65a871de91fbec057b9ef2420";

/** Tokens of an answer before the model ends its turn; the measured length lies within a few tokens of it. */
const ANSWER_TOKENS = 160;

const CONSTANT = 0;
const MARKER = 1;
const RECENT = 2;
/** Dimensions from here on hold the random part. */
const NOISE = 4;
const FLAG = 4;

type Random = () => number;

/** Mulberry32: integer arithmetic only, so that the file has the same checksum on every machine. Uniform in [-1, 1). */
function random(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}

/** A weight matrix, `rows` outputs by `columns` inputs. */
class Matrix {
  readonly data: Float32Array;
  constructor(
    readonly rows: number,
    readonly columns: number,
  ) {
    this.data = new Float32Array(rows * columns);
  }
  set(row: number, column: number, value: number): void {
    this.data[row * this.columns + column] = value;
  }
  get(row: number, column: number): number {
    return this.data[row * this.columns + column] ?? 0;
  }
  fill(value: (row: number, column: number) => number): this {
    for (let row = 0; row < this.rows; row++) {
      for (let column = 0; column < this.columns; column++) this.set(row, column, value(row, column));
    }
    return this;
  }
  tensor(name: string): GgufTensor {
    return { name, shape: [this.columns, this.rows], data: this.data };
  }
}

/** One row a token. All rows have a mean square of one, so that the first normalisation leaves them as they are. */
function embeddings(next: Random): Matrix {
  const matrix = new Matrix(VOCABULARY.length, WIDTH);
  VOCABULARY.forEach((_, token) => {
    const marker = token === TURN_START || token === BEGIN;
    matrix.set(token, CONSTANT, FLAG);
    matrix.set(token, MARKER, marker ? FLAG : 0);
    const noise = Array.from({ length: WIDTH - NOISE }, next);
    const wanted = WIDTH - FLAG ** 2 * (marker ? 2 : 1);
    const scale = Math.sqrt(wanted / noise.reduce((sum, value) => sum + value * value, 0));
    noise.forEach((value, index) => matrix.set(token, NOISE + index, value * scale));
  });
  return matrix;
}

/** The random cycle: successor of every word (Sattolo's shuffle gives one cycle through all of them). */
function predecessors(next: Random): Map<number, number> {
  const order = Array.from({ length: VOCABULARY.length - FIRST_WORD }, (_, index) => FIRST_WORD + index);
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(((next() + 1) / 2) * last);
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return new Map(order.map((word, index) => [word, order[(index + order.length - 1) % order.length]!]));
}

function output(embedding: Matrix, next: Random): Matrix {
  const follows = predecessors(next);
  const matrix = new Matrix(VOCABULARY.length, WIDTH);
  const neverSampled = -8;
  VOCABULARY.forEach((_, token) => {
    const before = follows.get(token);
    if (before === undefined) {
      matrix.set(token, CONSTANT, neverSampled);
      return;
    }
    for (let column = NOISE; column < WIDTH; column++) matrix.set(token, column, 0.25 * embedding.get(before, column));
  });
  matrix.set(TURN_END, CONSTANT, 6);
  matrix.set(TURN_END, RECENT, -16);
  return matrix;
}

/**
 * The first head of the first layer: how strongly it looks at a marker falls with the cosine of the rotary angle between
 * marker and query, and drops below the sum of all other tokens after ANSWER_TOKENS.
 */
function installTurnHead(query: Matrix, key: Matrix, value: Matrix, out: Matrix): void {
  const angle = ROPE_BASE ** (-8 / HEAD_WIDTH);
  const distant = 2 * 4;
  const steady = 2 * 7;
  const strength = 300;
  const threshold = strength * Math.cos(angle * ANSWER_TOKENS) - Math.log(ANSWER_TOKENS);
  // score = query × key / √HEAD_WIDTH, and both sides read a dimension whose value is FLAG.
  const product = Math.sqrt(HEAD_WIDTH) / FLAG ** 2;
  for (let row = 0; row < HEAD_WIDTH; row++) {
    for (let column = 0; column < WIDTH; column++) for (const matrix of [query, key, value]) matrix.set(row, column, 0);
  }
  query.set(distant, CONSTANT, 8);
  key.set(distant, MARKER, (strength * product) / 8);
  query.set(steady, CONSTANT, 8);
  key.set(steady, MARKER, (-threshold * product) / 8);
  value.set(0, MARKER, 1);
  out.set(RECENT, 0, 1);
}

function layer(index: number, next: Random): GgufTensor[] {
  const square = (scale: number) => new Matrix(WIDTH, WIDTH).fill(() => next() * scale);
  // What writes to the residual stream leaves the reserved dimensions alone.
  const writer = (columns: number, scale: number) =>
    new Matrix(WIDTH, columns).fill((row) => (row < NOISE ? 0 : next() * scale));
  const query = square(0.35);
  const key = square(0.35);
  const value = square(0.3);
  const out = writer(WIDTH, 0.25);
  if (index === 0) {
    for (let row = 0; row < WIDTH; row++) for (let column = 0; column < HEAD_WIDTH; column++) out.set(row, column, 0);
    installTurnHead(query, key, value, out);
  }
  const gate = new Matrix(FEED_FORWARD, WIDTH).fill(() => next() * 0.2);
  const up = new Matrix(FEED_FORWARD, WIDTH).fill(() => next() * 0.2);
  const down = writer(FEED_FORWARD, 0.1);
  return [
    ones(`blk.${index}.attn_norm.weight`),
    query.tensor(`blk.${index}.attn_q.weight`),
    key.tensor(`blk.${index}.attn_k.weight`),
    value.tensor(`blk.${index}.attn_v.weight`),
    out.tensor(`blk.${index}.attn_output.weight`),
    ones(`blk.${index}.ffn_norm.weight`),
    gate.tensor(`blk.${index}.ffn_gate.weight`),
    up.tensor(`blk.${index}.ffn_up.weight`),
    down.tensor(`blk.${index}.ffn_down.weight`),
  ];
}

function ones(name: string): GgufTensor {
  return { name, shape: [WIDTH], data: new Float32Array(WIDTH).fill(1) };
}

/** ChatML in the wording by which Ollama recognises it and puts its own template in the place. */
export const CHAT_TEMPLATE =
  "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

function metadata(): Record<string, GgufValue> {
  const count = (value: number): GgufValue => ({ type: "uint32", value });
  return {
    "general.architecture": { type: "string", value: "llama" },
    "general.name": { type: "string", value: "tms-llm tiny, random weights" },
    "general.file_type": count(0),
    "llama.context_length": count(CONTEXT),
    "llama.embedding_length": count(WIDTH),
    "llama.block_count": count(LAYERS),
    "llama.feed_forward_length": count(FEED_FORWARD),
    "llama.attention.head_count": count(HEADS),
    "llama.attention.head_count_kv": count(HEADS),
    "llama.attention.layer_norm_rms_epsilon": { type: "float32", value: 1e-5 },
    "llama.rope.dimension_count": count(HEAD_WIDTH),
    "llama.rope.freq_base": { type: "float32", value: ROPE_BASE },
    "llama.vocab_size": count(VOCABULARY.length),
    "tokenizer.ggml.model": { type: "string", value: "llama" },
    "tokenizer.ggml.tokens": { type: "string[]", value: VOCABULARY.map(({ text }) => text) },
    // Longer words win when text is split.
    "tokenizer.ggml.scores": {
      type: "float32[]",
      value: VOCABULARY.map(({ text, type }) => (type === TOKEN_TYPE.normal ? text.length : 0)),
    },
    "tokenizer.ggml.token_type": { type: "int32[]", value: VOCABULARY.map(({ type }) => type) },
    "tokenizer.ggml.bos_token_id": count(BEGIN),
    "tokenizer.ggml.eos_token_id": count(TURN_END),
    "tokenizer.ggml.unknown_token_id": count(UNKNOWN),
    "tokenizer.ggml.add_bos_token": { type: "bool", value: true },
    "tokenizer.ggml.add_eos_token": { type: "bool", value: false },
    "tokenizer.ggml.add_space_prefix": { type: "bool", value: false },
    "tokenizer.chat_template": { type: "string", value: CHAT_TEMPLATE },
  };
}

/** The model's tensors under their names in GGUF, always the same. */
export function tinyTensors(): readonly GgufTensor[] {
  const next = random(SEED);
  const embedding = embeddings(next);
  const layers = Array.from({ length: LAYERS }, (_, index) => layer(index, next)).flat();
  return [
    embedding.tensor("token_embd.weight"),
    ...layers,
    ones("output_norm.weight"),
    output(embedding, next).tensor("output.weight"),
  ];
}

/** The model as a GGUF file, about 700 kB; always the same bytes. */
export function encodeTinyModel(): Buffer {
  return encodeGguf(metadata(), tinyTensors());
}
