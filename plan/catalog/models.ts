import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { size } from "../config/units";

/** The catalogue of models: `models.yaml`, checked. With the templates and the stack's own files, all that plan reads. */

export const QUANTIZATIONS = ["bf16", "IQ4_XS", "Q4_0", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0"] as const;
export type Quantization = (typeof QUANTIZATIONS)[number];

const count = () => z.number().int().min(1);
const repository = () => z.string().regex(/^[\w.-]+\/[\w.-]+$/);

const shapeSchema = z.strictObject({
  layers: count(),
  /** Layers that keep keys and values per token; default: all. */
  cachingLayers: count().optional(),
  hidden: count(),
  feedForward: count(),
  /** Whether the feed-forward block has three matrices instead of two. */
  gated: z.boolean().default(true),
  heads: count(),
  kvHeads: count(),
  headSize: count(),
  vocabulary: count(),
  /** Whether input and output share one embedding matrix. */
  tiedEmbeddings: z.boolean().default(false),
  /** Memory per request that does not grow with its length. */
  state: size().optional(),
  /** Linear attention of the layers without a cache: `linear_*` of the model's config.json. */
  linear: z
    .strictObject({ keyHeads: count(), keySize: count(), valueHeads: count(), valueSize: count(), kernel: count() })
    .optional(),
});

const modelSchema = z
  .strictObject({
    title: z.string(),
    languages: z.array(z.string().length(2)).min(1),
    licence: z.string(),
    /** Catalogue name of a model of the same kind under a permissive licence. */
    alternative: z.string().optional(),
    /** In billions. */
    parameters: z.number().positive().optional(),
    shape: shapeSchema.optional(),
    /** Whether Ollama computes flash attention for it, without which it keeps the cache in f16; `fs/ggml/ggml.go` of 0.17.4. */
    flashAttention: z.boolean().default(true),
    /** Tokens that the model was trained for. */
    context: count(),
    /** Tokens that its configuration lets engines serve; default: what it was trained for. */
    contextLimit: count().optional(),
    longContext: z
      .strictObject({
        tokens: count(),
        method: z.literal("yarn"),
        factor: z.number().positive(),
        original: count(),
        betaFast: count().optional(),
        betaSlow: count().optional(),
      })
      .optional(),
    /** Sizes that the publisher states; the others follow from parameters and bits per weight. */
    sizes: z.partialRecord(z.enum(QUANTIZATIONS), size()).default({}),
    /** Repository with safetensors. */
    huggingFace: repository().optional(),
    /** Whether that repository's model needs code of its own to run: it is then never served from there. */
    remoteCode: z.boolean().default(false),
    /** Repository with GGUF files. */
    gguf: repository().optional(),
    /** Name in Ollama's library, what its tag without a suffix holds, and whether the name without a tag means it too. */
    ollama: z
      .strictObject({ name: z.string(), quantization: z.enum(QUANTIZATIONS), latest: z.boolean().default(false) })
      .optional(),
    source: z.url(),
    date: z.iso.date(),
    unverified: z.array(z.enum(["shape", "sizes", "context", "licence", "format"])).default([]),
  })
  .refine(({ shape, parameters, unverified }) => (shape && parameters) || unverified.includes("shape"), {
    error: "an entry without parameters and shape says so in `unverified`",
  });

const licenceSchema = z.discriminatedUnion("class", [
  z.strictObject({ title: z.string(), class: z.literal("permissive") }),
  z.strictObject({ title: z.string(), class: z.literal("restricted"), why: z.string() }),
  z.strictObject({ title: z.string(), class: z.literal("non-commercial"), why: z.string() }),
]);

const catalogSchema = z
  .strictObject({
    quantizations: z.record(
      z.enum(QUANTIZATIONS),
      z.strictObject({ bitsPerWeight: z.number().positive(), format: z.enum(["gguf", "safetensors"]) }),
    ),
    quantizationSource: z.url(),
    quantizationDate: z.iso.date(),
    licences: z.record(z.string(), licenceSchema),
    models: z.record(z.string().regex(/^[a-z0-9][a-z0-9.-]*$/), modelSchema),
  })
  .superRefine(({ licences, models }, context) => {
    const fault = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
    for (const [id, { licence, alternative }] of Object.entries(models)) {
      const known = licences[licence];
      if (!known) fault(["models", id, "licence"], `there is no licence ${licence}`);
      if (known && known.class !== "permissive" && alternative === undefined)
        fault(["models", id, "alternative"], "a model under a restricted licence names a permissive one");
      const other = alternative === undefined ? undefined : models[alternative];
      if (alternative !== undefined && licences[other?.licence ?? ""]?.class !== "permissive")
        fault(["models", id, "alternative"], `${alternative} is no model under a permissive licence`);
    }
  });

type Catalog = z.output<typeof catalogSchema>;
export type Licence = z.output<typeof licenceSchema> & { readonly id: string };
export type CatalogModel = z.output<typeof modelSchema> & { readonly id: string };

/** Reads a catalogue's text; throws a ZodError that names every contradiction. */
export const parseCatalog = (text: string): Catalog => catalogSchema.parse(parse(text));

let read: Catalog | undefined;
const catalog = () => (read ??= parseCatalog(readFileSync(join(__dirname, "models.yaml"), "utf8")));

/** Every model, in the file's order. */
export const catalogModels = (): readonly CatalogModel[] =>
  Object.entries(catalog().models).map(([id, model]) => ({ id, ...model }));

export function catalogModel(id: string): CatalogModel | undefined {
  const model = catalog().models[id];
  return model && { id, ...model };
}

export function licenceOf(model: Pick<CatalogModel, "licence">): Licence {
  return { id: model.licence, ...catalog().licences[model.licence]! };
}

export const bitsPerWeight = (quantization: Quantization): number =>
  catalog().quantizations[quantization].bitsPerWeight;

/** Quantizations that a GGUF file can have, smallest first. */
export const ggufQuantizations = (): readonly Quantization[] =>
  QUANTIZATIONS.filter((name) => catalog().quantizations[name].format === "gguf").sort(
    (one, other) => bitsPerWeight(one) - bitsPerWeight(other),
  );

/** What a stack file's source is in the catalogue. */
export interface CatalogMatch {
  readonly model: CatalogModel;
  readonly quantization: Quantization;
}

const asQuantization = (written: string): Quantization | undefined =>
  QUANTIZATIONS.find((name) => name.toLowerCase() === written.toLowerCase());

/**
 * Finds a model by its source in the stack file: `ollama:<name>`, `hf.co/<user>/<repository>` with a quantization, a commit
 * or neither, or what a source is said to be, `<catalogue name>:<quantization>`.
 */
export function findModel(source: string, catalogName?: string): CatalogMatch | undefined {
  if (catalogName !== undefined) return byCatalogName(catalogName);
  if (source.startsWith("ollama:")) return byOllamaName(source.slice("ollama:".length));
  const [, repositoryName, written] = /^hf\.co\/([^:@]+)(?:@[0-9a-f]+|:(.+))?$/.exec(source) ?? [];
  if (repositoryName === undefined) return undefined;
  const model = catalogModels().find(({ gguf, huggingFace }) =>
    [gguf, huggingFace].some((name) => name?.toLowerCase() === repositoryName.toLowerCase()),
  );
  if (model === undefined) return undefined;
  const safetensors = model.huggingFace?.toLowerCase() === repositoryName.toLowerCase();
  // Ollama takes Q4_K_M where a repository of GGUF files is named without a tag.
  const quantization = asQuantization(written ?? (safetensors ? "bf16" : "Q4_K_M"));
  return quantization && { model, quantization };
}

function byCatalogName(name: string): CatalogMatch | undefined {
  const [id = "", written = ""] = name.split(":");
  const model = catalogModel(id);
  const quantization = asQuantization(written);
  return model && quantization && { model, quantization };
}

/** `qwen3:8b`, or with the quantization at the end: `qwen3:8b-q8_0`, `llama2:7b-chat-q4_0`; or without a tag: `qwen3`. */
function byOllamaName(name: string): CatalogMatch | undefined {
  const bare = name
    .toLowerCase()
    .replace(/^(registry\.ollama\.ai\/)?library\//, "")
    .replace(/:latest$/, "");
  for (const model of catalogModels()) {
    if (!model.ollama) continue;
    const base = model.ollama.name.toLowerCase();
    const [family] = base.split(":");
    if (bare === base || (model.ollama.latest && bare === family))
      return { model, quantization: model.ollama.quantization };
    const suffix = bare.startsWith(`${base}-`) ? bare.slice(base.length + 1) : undefined;
    const quantization = suffix === undefined ? undefined : asQuantization(suffix.replace(/^.*-/, ""));
    if (quantization) return { model, quantization };
  }
  return undefined;
}
