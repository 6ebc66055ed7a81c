import Table from "cli-table3";
import { formatTokens, size } from "../plan/config/units";
import { readFacts } from "../plan/context";
import { factsFile, parseFactsFile, type HostFacts } from "../plan/host-facts";
import { atLeast, atMost } from "../plan/preflight/sizes";
import {
  modelOverview,
  OVERVIEW_QUANTIZATIONS,
  type Fit,
  type OverviewHost,
  type OverviewRow,
} from "../plan/sizing/overview";
import { hasKnownInstance, seenByEngine } from "../plan/sizing/engine-gpus";
import { HOST_RESERVE_BYTES } from "../plan/sizing/room";
import { mostPercent, vllmGpus } from "../plan/sizing/vllm";
import { readGivenFile } from "./age";
import { EXIT, UsageError, type ExitCode } from "./failure";
import { PROJECT, readConfig } from "./project";

export interface ModelsOptions {
  readonly vram?: string;
  readonly facts?: string;
  readonly parallel?: string;
  readonly json?: boolean;
}

interface NamedHost {
  readonly words: string;
  readonly host?: OverviewHost;
}

/** Shows which models of the catalogue fit: into a size, into a measured host, or into the stack's own. Contacts nothing. */
export function models(stack: string, options: ModelsOptions): Promise<ExitCode> {
  const parallel = wholeNumber(options.parallel ?? "1");
  const { words, host } = chosenHost(stack, options);
  const rows = modelOverview(host, parallel);
  if (options.json) {
    console.log(JSON.stringify({ schema: "tms-llm/models/v1", host: host ?? null, parallel, models: rows }, null, 2));
    return Promise.resolve(EXIT.good);
  }
  console.log(renderModels(rows));
  const requests = parallel === 1 ? "one request" : `${parallel} requests`;
  console.log(
    host
      ? `${words}. A cell: weights, and the longest context for ${requests} at a time; bf16 is for vLLM, with gpuMemoryPercent on auto, the others for Ollama.`
      : words,
  );
  return Promise.resolve(EXIT.good);
}

function wholeNumber(written: string): number {
  if (/^[1-9]\d?$/.test(written)) return Number(written);
  throw new UsageError(`--parallel ${written} is no number of requests`, "write a whole number from 1 to 99");
}

function chosenHost(stack: string, { vram, facts }: ModelsOptions): NamedHost {
  if (vram !== undefined && facts !== undefined)
    throw new UsageError("--vram and --facts both name a host", "leave one of them out");
  if (vram !== undefined) {
    const { data } = size({ min: 1 }).safeParse(vram);
    if (data === undefined)
      throw new UsageError(`--vram ${vram} is no size`, "write it with its unit, for example --vram 16GiB");
    return { words: `A GPU with ${atMost(data)}`, host: { gpus: [data], memory: 0 } };
  }
  if (facts !== undefined) {
    return measured(parseFactsFile(readGivenFile(facts, "--facts").toString("utf8"), stack), facts);
  }
  const { target, engine } = readConfig(stack, "view");
  if (target.kind === "sandbox")
    return {
      words: `A sandbox with ${atMost(target.memory)}`,
      host: { gpus: [], memory: target.memory - HOST_RESERVE_BYTES },
    };
  const known = readFacts(PROJECT, stack);
  if (known) return measured(known, factsFile(stack), engine.kind === "ollama" ? engine.version : undefined);
  return {
    words: `${factsFile(stack)} is not there yet, so these are sizes alone: npm run facts -- ${stack} measures the host; --vram 16GiB asks for a size.`,
  };
}

function measured({ gpus: all, memory }: HostFacts, file: string, ollama?: string): NamedHost {
  const gpus = seenByEngine(all);
  if (gpus.some((gpu) => gpu.mig && !hasKnownInstance(gpu)))
    return {
      words: `By ${file} a GPU is split into instances (MIG), and how much memory the engine gets is not known, so these are sizes alone: measure the host again, once it has an instance.`,
    };
  const usable = gpus.map((gpu) => (gpu.memory ?? memory - HOST_RESERVE_BYTES) - gpu.heldByOthers);
  const words = gpus.length > 0 ? gpus.map(({ name }) => name).join(", ") : `${atMost(memory)} of memory, no GPU`;
  return {
    words: `${words}, by ${file}`,
    host: {
      gpus: usable,
      memory: memory - HOST_RESERVE_BYTES,
      percent: mostPercent(vllmGpus({ gpus, memory })),
      ...(ollama ? { ollama } : {}),
    },
  };
}

function renderModels(rows: readonly OverviewRow[]): string {
  const table = new Table({
    head: ["model", "licence", "languages", ...OVERVIEW_QUANTIZATIONS],
    style: { head: [], border: [] },
    chars: { mid: "", "left-mid": "", "mid-mid": "", "right-mid": "" },
  });
  for (const { model, licence, fits } of rows) {
    const restricted = { permissive: "", restricted: " (restricted)", "non-commercial": " (no commercial use)" }[
      licence.class
    ];
    table.push([
      model.id,
      `${licence.id}${restricted}`,
      model.languages.join(" "),
      ...OVERVIEW_QUANTIZATIONS.map((quantization) => cell(fits[quantization])),
    ]);
  }
  return table.toString();
}

function cell(fit: Fit): string {
  switch (fit.kind) {
    case "fits":
      return `${atLeast(fit.weights)}, ${formatTokens(fit.context)}`;
    case "too large":
      return "–";
    case "unverified":
      return "unverified";
    case "size":
      return atLeast(fit.weights);
    default:
      return fit satisfies never;
  }
}
