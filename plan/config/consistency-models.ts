import type { LocatedFault } from "./faults";
import type { KnownConfig } from "./known";
import { catalogFaults } from "./consistency-catalog";
import { downloadFaults } from "./consistency-source";
import { formatSize, formatTokens } from "./units";

type KnownModel = NonNullable<NonNullable<KnownConfig["models"]>[number]>;

/** More context than any catalogued model has memory for: 2 Mi tokens are 256 GiB of KV cache for Kanana 1.5 8B (128 KiB each). */
const MOST_TOKENS = 2 * 2 ** 20;

/** Ollama answers "x" and "x:latest", in any case, from the same model. */
const ollamaName = (name: string) => name.toLowerCase().replace(/:latest$/, "");

export function modelFaults(config: KnownConfig): LocatedFault[] {
  const models = config.models ?? [];
  return models.flatMap((model, index) => {
    if (model === undefined) return [];
    const faults = [
      ...nameFaults(model, config.engine?.kind),
      ...checksumFaults(model),
      ...downloadFaults(model),
      ...catalogFaults(model, config.engine?.kind),
      ...roleFaults(model, models.slice(0, index)),
      ...duplicateFaults(model, models.slice(0, index)),
      ...placeFaults(model, config),
      ...memoryFaults(model, config),
    ];
    return faults.map(({ path, ...fault }) => ({ path: ["models", index, ...path], ...fault }));
  });
}

/** As `types/model/name.go` of Ollama 0.17.4 reads a name; of `library/x` it shows `x` alone. */
const OLLAMA_NAME = /^(?!library\/)(?:(?:[\w.:-]+\/)?\w[\w-]*\/)?\w[\w.-]{0,79}(?::\w[\w.-]{0,79})?$/;

function nameFaults({ name }: KnownModel, engine: string = "ollama"): LocatedFault[] {
  if (name === undefined || engine !== "ollama" || OLLAMA_NAME.test(name)) return [];
  return [
    {
      path: ["name"],
      found: name,
      expected: "a name that Ollama takes: <name>, <name>:<tag>, or <user>/<name>, no dot in the user and not library/",
    },
  ];
}

function checksumFaults({ source, sha256, adapter, adapterSha256 }: KnownModel): LocatedFault[] {
  const isFile = source?.startsWith("file:") === true || source?.startsWith("folder:") === true;
  const faults: LocatedFault[] = [];
  if (isFile && sha256 === undefined) faults.push(missingChecksum("sha256", source));
  if (source?.startsWith("builtin:") === true && sha256 !== undefined) {
    faults.push({
      path: ["sha256"],
      found: `a checksum for ${source}`,
      expected: "a checksum for a model that comes from elsewhere",
      hint: "Remove it; this project makes the model itself.",
    });
  }
  if (adapter !== undefined && adapterSha256 === undefined) faults.push(missingChecksum("adapterSha256", adapter));
  if (adapter === undefined && adapterSha256 !== undefined) {
    faults.push({
      path: ["adapterSha256"],
      found: "a checksum without an adapter",
      expected: "a checksum beside `adapter`",
    });
  }
  return faults;
}

function missingChecksum(key: string, source: string): LocatedFault {
  const file = source.replace(/^\w+:/, "");
  if (source.startsWith("folder:")) {
    return {
      path: [key],
      found: "nothing, the key is missing",
      expected: `the SHA-256 of the list of checksums in ${file}`,
      hint: `On the host: \`cd ${file} && find . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum\` prints it.`,
    };
  }
  return {
    path: [key],
    found: "nothing, the key is missing",
    expected: `the SHA-256 of ${file}`,
    hint: `\`sha256sum ${file}\` prints it.`,
  };
}

function roleFaults({ role }: KnownModel, earlier: readonly (KnownModel | undefined)[]): LocatedFault[] {
  if (role === undefined) return [];
  const twin = earlier.findIndex((other) => other?.role === role);
  return [
    ...(twin === -1
      ? []
      : [
          { path: ["role"], found: `${role}, already the role of models[${twin}]`, expected: "each role at most once" },
        ]),
    ...(role === "embedding" && earlier.length === 0
      ? [
          {
            path: ["role"],
            found: "embedding, for the first model",
            expected: "a model that writes answers",
            hint: "The first model is the default of all clients. Put the one for embeddings behind it.",
          },
        ]
      : []),
  ];
}

function duplicateFaults({ name }: KnownModel, earlier: readonly (KnownModel | undefined)[]): LocatedFault[] {
  const twin =
    name === undefined
      ? -1
      : earlier.findIndex((other) => other?.name !== undefined && ollamaName(other.name) === ollamaName(name));
  if (twin === -1) return [];
  const other = earlier[twin]?.name;
  const hint = other === name ? undefined : `To Ollama, "${name!}" and "${other!}" are one name.`;
  return [
    {
      path: ["name"],
      found: `${JSON.stringify(name)}, already the name of models[${twin}]`,
      expected: "a name of its own for each model",
      ...(hint === undefined ? {} : { hint }),
    },
  ];
}

function placeFaults({ source }: KnownModel, { target }: KnownConfig): LocatedFault[] {
  if (source !== "builtin:tiny" || target?.kind !== "ssh") return [];
  return [
    {
      path: ["source"],
      found: '"builtin:tiny" on a host of your own',
      expected: "ollama:<library name>, hf.co/<user>/<repository>:<quantization> or file:<path to a GGUF file>",
      hint: "The tiny model's weights are random and its answers noise: it is for sandboxes. Try hf.co/Mungert/kanana-1.5-8b-instruct-2505-GGUF:Q4_K_M.",
    },
  ];
}

function memoryFaults({ context, memory }: KnownModel, { engine, target }: KnownConfig): LocatedFault[] {
  const faults: LocatedFault[] = [];
  const parallel = engine && "parallel" in engine ? engine.parallel : 1;
  if (typeof context === "number" && typeof parallel === "number" && context * parallel > MOST_TOKENS) {
    faults.push({
      path: ["context"],
      found: `${formatTokens(context)} tokens × engine.parallel ${parallel} = ${formatTokens(context * parallel)}`,
      expected: `at most ${formatTokens(MOST_TOKENS)} tokens over all parallel requests`,
      hint: "Every parallel request holds memory for the whole context: lower either.",
    });
  }
  const limits: [string, number | undefined][] = [
    ["engine.memoryMax", engine?.memoryMax],
    ["target.memory", target?.kind === "sandbox" ? target.memory : undefined],
  ];
  const [key, limit] = limits.find(([, bytes]) => memory !== undefined && bytes !== undefined && memory > bytes) ?? [];
  if (memory !== undefined && key !== undefined && limit !== undefined) {
    faults.push({
      path: ["memory"],
      found: formatSize(memory),
      expected: `at most ${key}, ${formatSize(limit)}`,
      hint: `Raise ${key}, or choose a smaller model or quantization.`,
    });
  }
  return faults;
}

/** In a log or a list, one of these would read as if there were no client. */
const RESERVED_CLIENTS = ["anonymous", "default", "invalid", "none", "unknown"];

export function clientFaults({ clients }: KnownConfig): LocatedFault[] {
  if (clients === undefined) return [];
  const names = Object.keys(clients);
  if (names.length === 0) {
    return [
      {
        path: ["clients"],
        found: "no client",
        expected: "at least one client",
        hint: "Without a key nobody gets in; write for example `tms: { a: 1 }`.",
      },
    ];
  }
  return names.flatMap((name): LocatedFault[] => {
    const { a, b } = clients[name] ?? {};
    const path = ["clients", name];
    return [
      ...(RESERVED_CLIENTS.includes(name)
        ? [
            {
              path,
              found: `the name ${JSON.stringify(name)}`,
              expected: `any name but ${RESERVED_CLIENTS.join(", ")}`,
              hint: "In a log or a list it would read as if there were no client.",
            },
          ]
        : []),
      ...(clients[name] !== undefined && a === undefined && b === undefined
        ? [
            {
              path,
              found: "no key in slot a or b",
              expected: "a generation in at least one slot",
              hint: "Write `{ a: 1 }`, or remove the client to lock it out.",
            },
          ]
        : []),
    ];
  });
}
