import { catalogModels, findModel, licenceOf, QUANTIZATIONS, type CatalogModel } from "../catalog/models";
import { nearestName, type LocatedFault } from "./faults";
import type { KnownConfig } from "./known";
import { pinnedRepository } from "./model-source";
import { formatTokens } from "./units";

type KnownModel = NonNullable<NonNullable<KnownConfig["models"]>[number]>;

/** What the catalogue of models says against a model of the stack file. */
export function catalogFaults(model: KnownModel, engine: NonNullable<KnownConfig["engine"]>["kind"]): LocatedFault[] {
  const { source, catalog } = model;
  if (source === undefined) return [];
  const named = catalog === undefined ? [] : nameFaults(catalog, source);
  if (named.length > 0) return named;
  const known = findModel(source, catalog) ?? byRepository(source);
  return [
    ...(known ? [...formatFaults(known.model, source, engine === "ollama"), ...contextFaults(model, known.model)] : []),
    ...licenceFaults(model, known?.model),
  ];
}

/** A repository is the catalogue's although its quantization may not be. */
function byRepository(source: string) {
  return findModel(source.replace(/^(hf\.co\/[^:]+):.*$/, "$1"));
}

function nameFaults(catalog: string, source: string): LocatedFault[] {
  const path = ["catalog"];
  const safetensors = isSafetensors(source);
  if (!safetensors && !source.startsWith("file:")) {
    return [
      {
        path,
        found: `a catalogue name for ${source}`,
        expected: "a catalogue name for a source file:, folder: or hf.co/<user>/<repository>@<commit> only",
        hint: "Remove it; other sources are found by their own names.",
      },
    ];
  }
  const [id = "", quantization = ""] = catalog.split(":");
  const ids = catalogModels().map((model) => model.id);
  if (!ids.includes(id)) {
    const near = nearestName(id, ids);
    const hint = near === undefined ? "`npm run models` lists them." : `Did you mean "${near}:${quantization}"?`;
    return [{ path, found: JSON.stringify(catalog), expected: "a model of the catalogue", hint }];
  }
  const match = findModel(source, catalog);
  if (match && (match.quantization === "bf16") !== safetensors) {
    return [
      {
        path,
        found: JSON.stringify(catalog),
        expected: safetensors ? `${id}:bf16 for safetensors` : "a quantization of GGUF files",
      },
    ];
  }
  if (match && safetensors) return codeFaults(match.model, path);
  if (match) return [];
  return [{ path, found: JSON.stringify(catalog), expected: `${id}:<one of ${QUANTIZATIONS.join(", ")}>` }];
}

const isSafetensors = (source: string) => source.startsWith("folder:") || pinnedRepository(source) !== undefined;

function codeFaults({ id, remoteCode, ollama }: CatalogModel, path: string[]): LocatedFault[] {
  if (!remoteCode) return [];
  return [
    {
      path,
      found: `${id}, whose repository brings code of its own`,
      expected: "a model that runs without foreign code",
      hint: ollama ? `Ollama runs it from GGUF: ollama:${ollama.name}.` : "Choose another model.",
    },
  ];
}

/** A source that is for another engine is that engine's matter. */
function formatFaults(model: CatalogModel, source: string, ollama: boolean): LocatedFault[] {
  const pinned = pinnedRepository(source)?.repository.toLowerCase();
  if (ollama) return pinned === undefined ? ggufFaults(model, source) : [];
  return pinned === undefined ? [] : safetensorsFaults(model, source, pinned);
}

/** Engines in Python take safetensors alone, of a model that they can run by themselves. */
function safetensorsFaults(model: CatalogModel, source: string, repository: string): LocatedFault[] {
  const { title, huggingFace, gguf, unverified } = model;
  const path = ["source"];
  if (repository === gguf?.toLowerCase()) {
    const instead = huggingFace
      ? `Write hf.co/${huggingFace}@<commit>.`
      : `\`engine: { kind: ollama }\` takes hf.co/${gguf}:Q4_K_M.`;
    return [{ path, found: `${source}, GGUF files`, expected: "safetensors", hint: instead }];
  }
  if (repository !== huggingFace?.toLowerCase()) return [];
  if (!unverified.includes("format")) return codeFaults(model, path);
  return [
    {
      path,
      found: `${source}, PyTorch files, which may hold code`,
      expected: "safetensors",
      hint: `Nobody known publishes ${title} as safetensors. Convert it on a machine apart, and give it as folder:<path on the host> with its sha256.`,
    },
  ];
}

/** Ollama takes GGUF files alone. */
function ggufFaults({ title, huggingFace, gguf, ollama, unverified }: CatalogModel, source: string): LocatedFault[] {
  const repository = /^hf\.co\/([^:]+)/.exec(source)?.[1]?.toLowerCase();
  if (repository === undefined || repository !== huggingFace?.toLowerCase()) return [];
  const instead = gguf ? `hf.co/${gguf}:Q4_K_M` : ollama ? `ollama:${ollama.name}` : undefined;
  const convert = "Convert it to GGUF with llama.cpp on a machine apart, and give it as file:<path> with its sha256.";
  return [
    {
      path: ["source"],
      found: `${source}, ${unverified.includes("format") ? "PyTorch files, which may hold code" : "safetensors"}`,
      expected: "GGUF files, which is what Ollama runs",
      hint: instead === undefined ? `Nobody known publishes ${title} as GGUF. ${convert}` : `Write "${instead}".`,
    },
  ];
}

/** Engines serve no more than a model's configuration says; Ollama cuts a longer context down without a word. */
function contextFaults({ context }: KnownModel, { id, unverified, ...model }: CatalogModel): LocatedFault[] {
  const limit = model.contextLimit ?? model.context;
  if (typeof context !== "number" || context <= limit || unverified.includes("context")) return [];
  const stretched = model.longContext
    ? ` With YaRN (factor ${model.longContext.factor}) it would reach ${formatTokens(model.longContext.tokens)}, which is not set up here.`
    : "";
  return [
    {
      path: ["context"],
      found: `${formatTokens(context)} tokens`,
      expected: `at most ${formatTokens(limit)}, which is what ${id} can be served with`,
      hint: `Engines cut a longer context down or do not start.${stretched}`,
    },
  ];
}

function licenceFaults({ acceptLicence }: KnownModel, model: CatalogModel | undefined): LocatedFault[] {
  const path = ["acceptLicence"];
  const licence = model && licenceOf(model);
  if (!model || !licence || licence.class === "permissive") {
    if (acceptLicence === undefined) return [];
    return [
      {
        path,
        found: `consent to ${JSON.stringify(acceptLicence)}`,
        expected: licence
          ? `nothing: ${licence.title} restricts no use`
          : "nothing: the catalogue knows no licence of this source",
        hint: "Remove it.",
      },
    ];
  }
  if (acceptLicence === licence.id) return [];
  const permissive =
    model.alternative === undefined ? "" : ` ${model.alternative} is a model like it under a permissive licence.`;
  return [
    {
      path,
      found: acceptLicence === undefined ? "nothing, the key is missing" : JSON.stringify(acceptLicence),
      expected: `${licence.id}, as the explicit consent to the ${licence.title}: ${licence.why}`,
      hint: `Write \`acceptLicence: ${licence.id}\` if your use is allowed.${permissive}`,
    },
  ];
}
