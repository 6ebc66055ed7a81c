import { findModel } from "../catalog/models";
import { judgeCompatibility, type Placement } from "../compatibility";
import type { Model, StackConfig } from "../config/schema";
import type { HostFacts } from "../host-facts";
import { PlanRefused, type Refusal } from "../preflight/refusal";
import { contextChoices, isSizable, loadNeed } from "./arithmetic";
import type { Candidate, ResolvedConfig } from "./resolved";
import { hostRoom, type HostRoom } from "./room";
import { tooLittleMemory } from "./ways-out";

/** Puts numbers in the place of every `auto`, by the facts file; refuses what cannot fit, with every way out. */

export interface Resolution {
  readonly config: ResolvedConfig;
  /** Bytes that each catalogued model holds when loaded, by its name in the stack file. */
  readonly needs: Readonly<Record<string, number>>;
  /** Where the engine computes; undefined where no facts say so. */
  readonly placement?: Placement;
}

/** Requests at the same time that `auto` leaves room for, where the context is on `auto` too. */
const USUAL_PARALLEL = 2;
const MOST_PARALLEL = 8;
/** A context below which `auto` gives up parallel requests instead. */
const USEFUL_CONTEXT = 8192;

export const usesAuto = ({ engine, models }: StackConfig): boolean =>
  engine.parallel === "auto" || models.some(({ context }) => context === "auto");

/**
 * @param facts the stack's facts file; a sandbox needs none, its memory stands in the stack file
 * @throws PlanRefused with every reason at once
 */
export function resolveStack(config: StackConfig, stack: string, facts: HostFacts | undefined): Resolution {
  const auto = usesAuto(config);
  if (auto && config.target.kind !== "sandbox" && facts === undefined)
    throw new PlanRefused(stack, [factsMissing(stack)]);
  const judged = facts && judgeCompatibility(config.engine.kind, facts);
  const candidates = config.models.map((model) => candidate(model));
  const refusals = auto ? [...(judged?.refusals ?? []), ...candidates.flatMap((one) => judgeAuto(one, config))] : [];
  if (refusals.length > 0) throw new PlanRefused(stack, refusals);
  // What stands there in numbers is no business of ours where the GPU is in trouble: preflight says so.
  const placement = judged?.refusals.length === 0 ? judged.placement : undefined;
  const room = facts && !placement ? undefined : hostRoom(config, facts, placement ?? { device: "cpu" });
  const resolved = room && auto ? chooseNumbers(config, candidates, room, stack) : asWritten(config);
  const needs = Object.fromEntries(
    candidates.flatMap(({ model, match }, index) =>
      match ? [[model.name, needOf(match, resolved.models[index]!.context, resolved.engine.parallel)]] : [],
    ),
  );
  if (room) {
    const known = candidates.reduce((sum, { model }) => sum + (model.memory ?? needs[model.name] ?? 0), 0);
    if (known > room.bytes) throw new PlanRefused(stack, [tooLittleMemory(resolved, candidates, room)]);
  }
  return { config: resolved, needs, ...(placement ? { placement } : {}) };
}

function candidate(model: Model): Candidate {
  const match = findModel(model.source, model.catalog);
  return { model, match: match && isSizable(match.model) ? { ...match, model: match.model } : undefined };
}

const needOf = ({ model, quantization }: NonNullable<Candidate["match"]>, context: number, parallel: number) =>
  loadNeed({ model, quantization, context, parallel }).total;

function factsMissing(stack: string): Refusal {
  return {
    id: "facts-missing",
    what: `Something is left on auto, and facts.${stack}.yaml is not there to choose by`,
    found: "no facts file",
    needed: "the host's measured facts",
    wayOut: `npm run facts -- ${stack} measures the host and writes the file; npm run up does it by itself; or write context and engine.parallel as numbers`,
  };
}

/** Whether `auto` can be answered for one model. */
function judgeAuto({ model, match }: Candidate, { engine }: StackConfig): Refusal[] {
  const involved = model.context === "auto" || engine.parallel === "auto";
  if (match || model.source === "builtin:tiny" || (model.memory !== undefined && model.context !== "auto")) return [];
  const numbers = involved
    ? "write its context and engine.parallel as numbers, with the memory that it needs"
    : "write the memory that it needs";
  const known = findModel(model.source, model.catalog);
  if (known) {
    return [
      {
        id: "model-unverified",
        what: `Nobody has verified how large ${model.name} is, so nothing is computed from it`,
        found: `${known.model.id} in the catalogue, unverified: ${known.model.unverified.join(", ")}`,
        needed: "verified numbers for what is left on auto",
        wayOut: `${numbers}; or read its config.json at ${known.model.source}, complete plan/catalog/models.yaml and take the mark away; or choose a verified model (npm run models)`,
      },
    ];
  }
  const file = model.source.startsWith("file:")
    ? `; if the file holds a model of the catalogue, name it: catalog: kanana-1.5-8b:Q4_K_M`
    : "";
  return [
    {
      id: "model-unknown",
      what: `The catalogue does not know ${model.name}, so nothing can be computed for it`,
      found: model.source,
      needed: "a model of the catalogue for what is left on auto",
      wayOut: `${numbers}${file}; or add it to plan/catalog/models.yaml; npm run models lists what is there`,
    },
  ];
}

/** The stack file's own numbers. */
function asWritten({ engine, models, ...rest }: StackConfig): ResolvedConfig {
  const number = (value: number | "auto", fallback: number) => (value === "auto" ? fallback : value);
  return {
    ...rest,
    engine: { ...engine, parallel: number(engine.parallel, 1) },
    models: models.map((model) => ({ ...model, context: number(model.context, USEFUL_CONTEXT) })),
  };
}

/** The longest contexts, then the most requests, that fit. */
function chooseNumbers(
  config: StackConfig,
  candidates: readonly Candidate[],
  room: HostRoom,
  stack: string,
): ResolvedConfig {
  const written = asWritten(config);
  const withNumbers = (contexts: readonly number[], parallel: number): ResolvedConfig => ({
    ...written,
    engine: { ...written.engine, parallel },
    models: written.models.map((model, index) => ({ ...model, context: contexts[index]! })),
  });
  const fits = (contexts: readonly number[], parallel: number) => {
    const bytes = candidates.map(({ model, match }, index) => ({
      need: match ? needOf(match, contexts[index]!, parallel) : 0,
      own: model.memory,
    }));
    // A model with a limit of its own keeps to it, and takes no more than it needs.
    const within = bytes.every(({ need, own }) => own === undefined || need <= own);
    return within && bytes.reduce((sum, { need, own }) => sum + (need || (own ?? 0)), 0) <= room.bytes;
  };
  const longest = (parallel: number) => contextLadders(candidates).find((contexts) => fits(contexts, parallel));

  const { parallel } = config.engine;
  const contextIsOpen = config.models.some(({ context }) => context === "auto");
  const start = parallel === "auto" ? (contextIsOpen ? USUAL_PARALLEL : 1) : parallel;
  const first = longest(start);
  const enough = candidates.map(({ match }) =>
    Math.min(USEFUL_CONTEXT, (match && contextChoices(match.model)[0]) ?? 0),
  );
  const useful = first?.every(
    (context, index) => config.models[index]!.context !== "auto" || context >= enough[index]!,
  );
  const retreat = parallel === "auto" && !useful ? longest(1) : undefined;
  const contexts = retreat ?? first;
  if (contexts === undefined) {
    const least = contextLadders(candidates).at(-1)!;
    const lowest = withNumbers(least, parallel === "auto" ? 1 : parallel);
    throw new PlanRefused(stack, [tooLittleMemory(lowest, candidates, room)]);
  }
  let chosen = retreat ? 1 : start;
  while (parallel === "auto" && chosen < MOST_PARALLEL && fits(contexts, chosen + 1)) chosen += 1;
  return withNumbers(contexts, chosen);
}

/** Contexts of all models at once, longest first: models on `auto` share one upper bound, so that none starves another. */
function contextLadders(candidates: readonly Candidate[]): readonly (readonly number[])[] {
  const open = candidates.flatMap(({ model, match }) => (model.context === "auto" && match ? [match.model] : []));
  const bounds = [...new Set(open.flatMap((model) => contextChoices(model)))].sort((one, other) => other - one);
  return (bounds.length === 0 ? [0] : bounds).map((bound) =>
    candidates.map(({ model, match }) => {
      if (model.context !== "auto") return model.context;
      const choices = match ? contextChoices(match.model) : [];
      return choices.find((choice) => choice <= bound) ?? choices.at(-1) ?? 4096;
    }),
  );
}
