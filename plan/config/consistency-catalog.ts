import { catalogModels, findModel, licenceOf, QUANTIZATIONS, type CatalogModel } from "../catalog/models";
import { nearestName, type LocatedFault } from "./faults";
import type { KnownConfig } from "./known";
import { formatTokens } from "./units";

type KnownModel = NonNullable<NonNullable<KnownConfig["models"]>[number]>;

/** What the catalogue of models says against a model of the stack file. */
export function catalogFaults(model: KnownModel): LocatedFault[] {
  const { source, catalog } = model;
  if (source === undefined) return [];
  const named = catalog === undefined ? [] : nameFaults(catalog, source);
  if (named.length > 0) return named;
  const known = findModel(source, catalog) ?? byRepository(source);
  return [
    ...(known ? [...formatFaults(known.model, source), ...contextFaults(model, known.model)] : []),
    ...licenceFaults(model, known?.model),
  ];
}

/** A repository is the catalogue's although its quantization may not be. */
function byRepository(source: string) {
  return findModel(source.replace(/^(hf\.co\/[^:]+):.*$/, "$1"));
}

function nameFaults(catalog: string, source: string): LocatedFault[] {
  const path = ["catalog"];
  if (!/^(file|folder):/.test(source)) {
    return [
      {
        path,
        found: `a catalogue name for ${source}`,
        expected: "a catalogue name for a file: or folder: source only",
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
  if (match && (match.quantization === "bf16") !== source.startsWith("folder:")) {
    return [
      {
        path,
        found: JSON.stringify(catalog),
        expected: source.startsWith("folder:")
          ? `${id}:bf16 for a folder of safetensors`
          : "a quantization of GGUF files",
      },
    ];
  }
  if (match?.model.remoteCode && source.startsWith("folder:")) {
    return [
      {
        path,
        found: `${id}, whose repository brings code of its own`,
        expected: "a model that runs without foreign code",
        hint: match.model.ollama
          ? `Ollama runs it from GGUF: ollama:${match.model.ollama.name}.`
          : "Choose another model.",
      },
    ];
  }
  if (match) return [];
  return [{ path, found: JSON.stringify(catalog), expected: `${id}:<one of ${QUANTIZATIONS.join(", ")}>` }];
}

/** Ollama takes GGUF files alone. */
function formatFaults({ title, huggingFace, gguf, ollama, unverified }: CatalogModel, source: string): LocatedFault[] {
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
