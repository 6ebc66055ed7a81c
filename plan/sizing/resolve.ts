import { findModel, type CatalogModel } from "../catalog/models";
import { needsSystem } from "../driver";
import { engineDevice } from "../gpu";
import type { PythonLock } from "../catalog/python";
import { PYTHON_ENGINES } from "../catalog/python-engines";
import { judgeCompatibility, type EngineDemand, type Placement } from "../compatibility";
import { computeFloors, judgeComputeFloors, settingsFloors } from "../compute-floor";
import { architectureRefused, engineLock } from "../engines/python-lock";
import type { Engine, Model, StackConfig } from "../config/schema";
import type { HostFacts } from "../host-facts";
import { PlanRefused, type Refusal } from "../preflight/refusal";
import { isSizable, type CacheType } from "./arithmetic";
import { faultyGpus, withEngineGpus } from "./engine-gpus";
import { afterDriver, factsMissing, judgeAuto } from "./judge-auto";
import { ollamaNeeds, ollamaNumbers } from "./resolve-ollama";
import { vllmNumbers } from "./resolve-vllm";
import { vllmGpus } from "./vllm";
import type { Candidate, ResolvedConfig } from "./resolved";
import { hostRoom, type HostRoom } from "./room";

/** Puts numbers in the place of every `auto`, by the facts file; refuses what cannot fit, with every way out. */

export interface Resolution {
  readonly config: ResolvedConfig;
  /** Bytes that each catalogued model holds in the host's memory when loaded, by its name in the stack file. */
  readonly needs: Readonly<Record<string, number>>;
  /** Where the engine computes; undefined where no facts say so. */
  readonly placement?: Placement;
}

/** Keys whose value is a number or `auto`; the word may mean something else in other keys. */
type OpenKey<E extends Engine> = {
  [K in keyof E]-?: [number | "auto", E[K]] extends [E[K], number | "auto"] ? K : never;
}[keyof E];

/** Of each engine all of them. */
const OPEN_KEYS: { readonly [K in Engine["kind"]]: Readonly<Record<OpenKey<Extract<Engine, { kind: K }>>, true>> } = {
  ollama: { parallel: true },
  vllm: { parallel: true, gpuMemoryPercent: true, tensorParallel: true },
  transformers: {},
};

/** Whether a number is left for the facts file to choose. */
export const usesAuto = ({ engine, models }: Pick<StackConfig, "engine" | "models">): boolean =>
  Object.entries(engine).some(([key, value]) => value === "auto" && Object.hasOwn(OPEN_KEYS[engine.kind], key)) ||
  models.some(({ context }) => context === "auto");

/**
 * @param measured the stack's facts file; a sandbox needs none, its memory stands in the stack file
 * @throws PlanRefused with every reason at once
 */
export function resolveStack(config: StackConfig, stack: string, measured: HostFacts | undefined): Resolution {
  const auto = usesAuto(config);
  if (auto && config.target.kind !== "sandbox" && measured === undefined)
    throw new PlanRefused(stack, [factsMissing(stack)]);
  const facts = measured && withEngineGpus(config.engine, measured, stack);
  const judged = facts && judgeCompatibility(demandOf(config.engine, facts, stack), facts);
  const faulty = measured ? faultyGpus(config.engine, measured, stack) : [];
  const candidates = config.models.map((model) => candidate(model, config.engine));
  const found = [
    ...faulty,
    ...(judged?.refusals.map((refusal) => (needsSystem(config) ? afterDriver(refusal, stack) : refusal)) ?? []),
  ];
  const refusals = auto
    ? [
        ...found,
        ...candidates.flatMap((one) => judgeAuto(one, config)),
        ...judgeComputeFloors(settingsFloors(config.engine), facts?.gpus ?? []),
      ]
    : [...found.filter(stays), ...judgeComputeFloors(computeFloors(config.engine), facts?.gpus ?? [])];
  if (refusals.length > 0) throw new PlanRefused(stack, refusals);
  // What stands there in numbers is no business of ours where the GPU is in trouble: preflight says so.
  const placement = found.length === 0 ? judged?.placement : undefined;
  return { ...inNumbers(config, candidates, stack, facts, placement), ...(placement ? { placement } : {}) };
}

/** Whether no driver and no smaller number takes a reason away, so that a plan would only be refused by the host itself. */
const stays = ({ id }: Refusal) => id === "operating-system" || id === "glibc";

function candidate(model: Model, engine: Engine): Candidate {
  const match = findModel(model.source, model.catalog);
  if (!match || !isSizable(match.model)) return { model, match: undefined };
  return { model, match: { ...match, model: match.model, cacheType: cacheTypeOf(match.model, engine) } };
}

/** How a model's cache is really kept: Ollama goes back to f16 where it cannot do flash attention for the model. */
function cacheTypeOf({ flashAttention }: CatalogModel, engine: Engine): CacheType {
  if (engine.kind === "vllm") return engine.kvCacheType === "fp8" ? "fp8" : "f16";
  if (engine.kind === "transformers") return "f16";
  return flashAttention ? engine.kvCacheType : "f16";
}

/** The lock file of an engine in Python for its host. @throws PlanRefused where none has packages for its architecture */
function lockFor(engine: Exclude<Engine, { kind: "ollama" }>, facts: HostFacts | undefined, stack: string): PythonLock {
  const lock = engineLock(engine, facts);
  if (lock) return lock;
  if (!facts) throw new Error(`${engine.kind} ${engine.version} has no lock file for ${engine.variant}`);
  throw new PlanRefused(stack, [architectureRefused(engine, facts)]);
}

function demandOf(engine: Engine, facts: HostFacts, stack: string): EngineDemand {
  if (engine.kind === "ollama") return { engine: "ollama" };
  const { minimumDriver, python } = PYTHON_ENGINES[engine.kind].release(engine.version);
  // From an index the installer brings a Python of its own.
  const series = engine.packages === "index" ? undefined : python[engine.variant].series;
  return {
    engine: engine.kind,
    minimumDriver,
    minimumGlibc: lockFor(engine, facts, stack).minimumGlibc,
    ...(series === undefined ? {} : { pythonSeries: series }),
  };
}

function inNumbers(
  config: StackConfig,
  candidates: readonly Candidate[],
  stack: string,
  facts: HostFacts | undefined,
  placement: Placement | undefined,
): Pick<Resolution, "config" | "needs"> {
  const { engine, models } = config;
  const withContexts = (contexts: readonly number[]) =>
    models.map((model, index) => ({ ...model, context: contexts[index]! }));
  switch (engine.kind) {
    case "ollama": {
      const room = facts && !placement ? undefined : ollamaRoom(config, facts, placement ?? { device: "cpu" });
      const { contexts, parallel } = ollamaNumbers(engine, candidates, room, stack);
      const needs = ollamaNeeds({ contexts, parallel }, candidates);
      return {
        config: {
          ...config,
          engine: { ...engine, parallel, device: engineDevice(engine, config.target, placement) },
          models: withContexts(contexts),
        },
        needs: Object.fromEntries(models.map(({ name }, index) => [name, needs[index]!])),
      };
    }
    case "vllm": {
      const gpus = placement?.device === "gpu" ? facts && vllmGpus(facts) : undefined;
      const chosen = gpus && vllmNumbers(engine, candidates[0]!, gpus, stack);
      const numbers = chosen ?? writtenNumbers(engine, candidates[0]!);
      const { parallel, tensorParallel, gpuMemoryPercent } = numbers;
      return {
        config: {
          ...config,
          engine: {
            ...engine,
            parallel,
            tensorParallel,
            gpuMemoryPercent,
            lock: lockFor(engine, facts, stack),
            ...dtypeOn(placement),
          },
          models: withContexts([numbers.context]),
        },
        needs: {},
      };
    }
    case "transformers":
      return {
        config: {
          ...config,
          engine: { ...engine, lock: lockFor(engine, facts, stack), ...dtypeOn(placement) },
          models: withContexts([writtenContext(candidates[0]!)]),
        },
        needs: {},
      };
    default:
      return engine satisfies never;
  }
}

/** Where `engine.device: any` accepts it, Ollama puts on the CPU what the GPU cannot hold; `auto` counts on the GPU alone. */
function ollamaRoom(config: StackConfig, facts: HostFacts | undefined, placement: Placement): HostRoom | undefined {
  const whole = hostRoom(config, facts, placement);
  const { engine } = config;
  const shared = facts?.gpus.some(({ memory }) => memory === null) ?? true;
  if (engine.kind !== "ollama" || engine.device !== "any" || placement.device !== "gpu" || shared || usesAuto(config))
    return whole;
  const rest = hostRoom(config, facts, { device: "cpu" });
  return whole && rest && { ...whole, bytes: whole.bytes + rest.bytes, words: `${whole.words}; and ${rest.words}` };
}

function writtenContext({ model: { context } }: Candidate): number {
  if (context === "auto") throw new Error("a context is left on auto for an engine that has no auto");
  return context;
}

/** bfloat16, which checkpoints are published in, begins with Ampere. */
function dtypeOn(placement: Placement | undefined): { dtype?: "float16" } {
  return placement?.device === "gpu" && placement.dtype === "float16" ? { dtype: "float16" } : {};
}

/** What the stack file says itself, where nothing is on `auto`. */
function writtenNumbers(
  { parallel, tensorParallel, gpuMemoryPercent }: Extract<Engine, { kind: "vllm" }>,
  { model: { context } }: Candidate,
) {
  if (context === "auto" || parallel === "auto" || tensorParallel === "auto" || gpuMemoryPercent === "auto")
    throw new Error("auto is left where the plan knows no GPU");
  return { context, parallel, tensorParallel, gpuMemoryPercent };
}
