import type { OllamaEngine } from "../config/schema";
import { PlanRefused } from "../preflight/refusal";
import { contextChoices, loadNeed } from "./arithmetic";
import type { Candidate, Numbers } from "./resolved";
import type { HostRoom } from "./room";
import { tooLittleMemory } from "./ways-out";

/** Numbers for Ollama: every request holds memory for a whole context of its own. */

/** Requests at the same time that `auto` leaves room for, where the context is on `auto` too. */
const USUAL_PARALLEL = 2;
const MOST_PARALLEL = 8;
/** A context below which `auto` gives up parallel requests instead. */
const USEFUL_CONTEXT = 8192;

/** Bytes that a model holds, by its numbers. */
const needOf = (match: NonNullable<Candidate["match"]>, context: number, parallel: number) =>
  loadNeed({ ...match, context, parallel }).total;

/**
 * The longest contexts, then the most requests, that fit; what the stack file writes in numbers stays. Without a room
 * nothing is known about the host, and nothing is left on `auto`.
 * @throws PlanRefused with what would fit
 */
export function ollamaNumbers(
  { parallel }: OllamaEngine,
  candidates: readonly Candidate[],
  room: HostRoom | undefined,
  stack: string,
): Numbers {
  const contextIsOpen = candidates.some(({ model }) => model.context === "auto");
  const start = parallel === "auto" ? (contextIsOpen ? USUAL_PARALLEL : 1) : parallel;
  const ladder = contextLadder(candidates);
  if (room === undefined) return { contexts: ladder[0]!, parallel: start };
  const fits = (numbers: Numbers) => fit(numbers, candidates, room);
  const longest = (requests: number) => ladder.find((contexts) => fits({ contexts, parallel: requests }));

  const first = longest(start);
  const retreat = parallel === "auto" && !isUseful(first, candidates) ? longest(1) : undefined;
  const contexts = retreat ?? first;
  if (contexts === undefined) {
    const least = { contexts: ladder.at(-1)!, parallel: parallel === "auto" ? 1 : parallel };
    throw new PlanRefused(stack, [tooLittleMemory(least, candidates, room)]);
  }
  let chosen = retreat ? 1 : start;
  while (parallel === "auto" && chosen < MOST_PARALLEL && fits({ contexts, parallel: chosen + 1 })) chosen += 1;
  return { contexts, parallel: chosen };
}

/** What each model holds; a model that the catalogue cannot size holds what the stack file says. */
export function ollamaNeeds({ contexts, parallel }: Numbers, candidates: readonly Candidate[]): readonly number[] {
  return candidates.map(({ match }, index) => (match ? needOf(match, contexts[index]!, parallel) : 0));
}

function fit(numbers: Numbers, candidates: readonly Candidate[], room: HostRoom): boolean {
  const bytes = ollamaNeeds(numbers, candidates).map((need, index) => ({ need, own: candidates[index]!.model.memory }));
  // A context on auto keeps to the model's own limit; a written one is taken at its word.
  const within = bytes.every(
    ({ need, own }, index) => own === undefined || candidates[index]!.model.context !== "auto" || need <= own,
  );
  return within && bytes.reduce((sum, { need, own }) => sum + (own ?? need), 0) <= room.bytes;
}

/** Whether each context on auto is long enough to work with, as far as its model allows. */
function isUseful(contexts: readonly number[] | undefined, candidates: readonly Candidate[]): boolean {
  if (contexts === undefined) return false;
  return candidates.every(
    ({ model, match }, index) =>
      model.context !== "auto" ||
      contexts[index]! >= Math.min(USEFUL_CONTEXT, (match && contextChoices(match.model)[0]) ?? 0),
  );
}

/** Contexts of all models at once, longest first: models on `auto` share one upper bound, so that none starves another. */
function contextLadder(candidates: readonly Candidate[]): readonly (readonly number[])[] {
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
