import { createTar } from "nanotar";
import { encodeSafetensors, type Tensor } from "./safetensors-writer";
import { CHAT_TEMPLATE, TINY_SHAPE, tinyTensors } from "./tiny-model";
import { BEGIN, TOKEN_TYPE, TURN_END, UNKNOWN, VOCABULARY } from "./tiny-vocabulary";

/** The tiny model as vLLM reads it: a folder in the format of Hugging Face. Same weights, same words, same noise as the GGUF file. */

const { WIDTH, LAYERS, HEADS, HEAD_WIDTH, FEED_FORWARD, CONTEXT, ROPE_BASE } = TINY_SHAPE;

/** vLLM's attention on CPUs takes heads of 32 and more, so each is filled up with zeros to twice its width. */
const WIDE = 2 * HEAD_WIDTH;

/**
 * Where a row of a head lies in the wide one. GGUF rotates the rows 2i and 2i+1 as one pair, this format the rows i and
 * i + WIDE/2; and at twice the width it is every second pair that turns at the same speed.
 */
const wideRow = (row: number) => (row % 2 === 0 ? row : row - 1 + WIDE / 2);

const wideIndex = (index: number) => Math.floor(index / HEAD_WIDTH) * WIDE + wideRow(index % HEAD_WIDTH);

/** A weight's rows, one an output, put in their place in the wide heads. `scale` makes up for the division by √width. */
function widenRows(data: Float32Array, scale = 1): Float32Array {
  const wide = new Float32Array(HEADS * WIDE * WIDTH);
  for (let row = 0; row < WIDTH; row++) {
    for (let column = 0; column < WIDTH; column++) {
      wide[wideIndex(row) * WIDTH + column] = scale * data[row * WIDTH + column]!;
    }
  }
  return wide;
}

/** The same for the weight that reads the heads: its columns move. */
function widenColumns(data: Float32Array): Float32Array {
  const wide = new Float32Array(WIDTH * HEADS * WIDE);
  for (let row = 0; row < WIDTH; row++) {
    for (let column = 0; column < WIDTH; column++) {
      wide[row * HEADS * WIDE + wideIndex(column)] = data[row * WIDTH + column]!;
    }
  }
  return wide;
}

const PARTS: Readonly<Record<string, string>> = {
  attn_norm: "input_layernorm",
  attn_q: "self_attn.q_proj",
  attn_k: "self_attn.k_proj",
  attn_v: "self_attn.v_proj",
  attn_output: "self_attn.o_proj",
  ffn_norm: "post_attention_layernorm",
  ffn_gate: "mlp.gate_proj",
  ffn_up: "mlp.up_proj",
  ffn_down: "mlp.down_proj",
};

const NAMES: Readonly<Record<string, string>> = {
  token_embd: "model.embed_tokens",
  output_norm: "model.norm",
  output: "lm_head",
};

function tensors(): Tensor[] {
  return tinyTensors().map(({ name, shape, data }) => {
    const [, layer, part] = /^blk\.(\d+)\.(\w+)\.weight$/.exec(name) ?? [];
    if (part === undefined) {
      return { name: `${NAMES[name.replace(".weight", "")]!}.weight`, shape: shape.toReversed(), data };
    }
    const renamed = `model.layers.${layer}.${PARTS[part]!}.weight`;
    switch (part) {
      case "attn_q":
        return { name: renamed, shape: [HEADS * WIDE, WIDTH], data: widenRows(data, Math.SQRT2) };
      case "attn_k":
      case "attn_v":
        return { name: renamed, shape: [HEADS * WIDE, WIDTH], data: widenRows(data) };
      case "attn_output":
        return { name: renamed, shape: [WIDTH, HEADS * WIDE], data: widenColumns(data) };
      default:
        return { name: renamed, shape: shape.toReversed(), data };
    }
  });
}

const CONFIG = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  hidden_size: WIDTH,
  intermediate_size: FEED_FORWARD,
  num_hidden_layers: LAYERS,
  num_attention_heads: HEADS,
  num_key_value_heads: HEADS,
  head_dim: WIDE,
  hidden_act: "silu",
  max_position_embeddings: CONTEXT,
  rms_norm_eps: 1e-5,
  rope_theta: ROPE_BASE,
  rope_parameters: { rope_type: "default", rope_theta: ROPE_BASE },
  vocab_size: VOCABULARY.length,
  tie_word_embeddings: false,
  attention_bias: false,
  mlp_bias: false,
  dtype: "float32",
  bos_token_id: BEGIN,
  eos_token_id: TURN_END,
};

/** Longer words win when text is split, as in the GGUF file. */
const score = (token: (typeof VOCABULARY)[number]) => (token.type === TOKEN_TYPE.normal ? token.text.length : 0);

const SPACE = { pattern: { String: " " }, content: "▁" };

function tokenizer() {
  const special = VOCABULARY.flatMap(({ text, type }, id) =>
    type === TOKEN_TYPE.control || type === TOKEN_TYPE.unknown
      ? [{ id, content: text, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }]
      : [],
  );
  const begin = VOCABULARY[BEGIN]!.text;
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: special,
    normalizer: { type: "Replace", ...SPACE },
    pre_tokenizer: null,
    post_processor: {
      type: "TemplateProcessing",
      single: [{ SpecialToken: { id: begin, type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
      pair: [{ Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 1 } }],
      special_tokens: { [begin]: { id: begin, ids: [BEGIN], tokens: [begin] } },
    },
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
      ],
    },
    model: {
      type: "Unigram",
      unk_id: UNKNOWN,
      byte_fallback: true,
      vocab: VOCABULARY.map((token) => [token.text, score(token)]),
    },
  };
}

const TOKENIZER_CONFIG = {
  tokenizer_class: "PreTrainedTokenizerFast",
  bos_token: VOCABULARY[BEGIN]!.text,
  eos_token: VOCABULARY[TURN_END]!.text,
  unk_token: VOCABULARY[UNKNOWN]!.text,
  clean_up_tokenization_spaces: false,
  model_max_length: CONTEXT,
  chat_template: CHAT_TEMPLATE,
};

const json = (value: unknown) => `${JSON.stringify(value, undefined, 1)}\n`;

/** File name → content. */
export function tinyModelFolder(): Readonly<Record<string, Buffer | string>> {
  return {
    "config.json": json(CONFIG),
    "generation_config.json": json({ bos_token_id: BEGIN, eos_token_id: TURN_END }),
    "model.safetensors": encodeSafetensors(tensors()),
    "tokenizer.json": json(tokenizer()),
    "tokenizer_config.json": json(TOKENIZER_CONFIG),
  };
}

/** Checksum of the archive that `encodeTinyModelFolder` gives; to be renewed with any change to the model. */
export const TINY_FOLDER_SHA256 = "65263d8c5e5c343b3050395a9bf9be82c55c33ebf0091d49ee7b45fa68b74e47";

/** The folder as a tar archive, about 900 kB; always the same bytes. */
export function encodeTinyModelFolder(): Buffer {
  const files = Object.entries(tinyModelFolder()).map(([name, data]) => ({ name, data }));
  return Buffer.from(
    createTar(files, { attrs: { mode: "644", mtime: 0, uid: 0, gid: 0, user: "root", group: "root" } }),
  );
}
