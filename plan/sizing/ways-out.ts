import { catalogModels, ggufQuantizations, licenceOf, type CatalogModel } from "../catalog/models";
import { formatTokens } from "../config/units";
import { atLeast, atMost } from "../preflight/sizes";
import type { Refusal } from "../preflight/refusal";
import { contextChoices, isSizable, loadNeed, type SizedModel } from "./arithmetic";
import type { Candidate, Numbers } from "./resolved";
import type { HostRoom } from "./room";

/** What would fit where something does not: the refusal's numbers and every way out, computed instead of guessed. */

type Match = NonNullable<Candidate["match"]>;

const describe = ({ weights, cache }: { weights: number; cache: number }) =>
  `${atLeast(weights)} of weights and ${atLeast(cache)} of cache`;

/** The refusal of models that do not fit into a host. */
export function tooLittleMemory(
  { contexts, parallel }: Numbers,
  candidates: readonly Candidate[],
  room: HostRoom,
): Refusal {
  const loads = candidates.flatMap(({ model, match }, index) => {
    const context = contexts[index]!;
    return match ? [{ name: model.name, match, context, own: model.memory }] : [];
  });
  const needs = loads.map((load) => ({
    ...load,
    need: loadNeed({ ...load.match, context: load.context, parallel }),
  }));
  const stated = candidates.reduce((sum, { model, match }) => sum + (match ? 0 : (model.memory ?? 0)), 0);
  const total = needs.reduce((sum, { need, own }) => sum + (own ?? need.total), stated);
  const others = (index: number) => total - (needs[index]!.own ?? needs[index]!.need.total);
  const ways = needs.flatMap(({ name, match, context, own }, index) =>
    own === undefined
      ? waysOf(match, {
          name: needs.length > 1 ? `${name}: ` : "",
          context,
          parallel,
          bytes: room.bytes - others(index),
        })
      : [`${name}: correct its memory (${atLeast(own)}), or leave the key out`],
  );
  return {
    id: "memory",
    what: `${candidates.length === 1 ? (candidates[0]?.model.name ?? "The model") : "The models together"} needs ${atLeast(total)}, the host has ${atMost(room.bytes)} for it`
      .replace(/^(The models together) needs/, "$1 need")
      .replace(/for it$/, candidates.length === 1 ? "for it" : "for them"),
    found: room.words,
    needed: needs
      .map(
        ({ name, match, context, need }) =>
          `${name} (${match.model.id} at ${match.quantization}): ${describe(need)} for ${parallel} × ${formatTokens(context)} tokens`,
      )
      .join("; "),
    wayOut: [
      ...ways,
      ...(needs.length > 1 ? ["serve fewer models"] : []),
      ...(room.ways ?? []),
      "choose a host with more memory",
    ].join("; or "),
  };
}

interface Wanted {
  readonly name: string;
  readonly context: number;
  readonly parallel: number;
  /** What the host has for this one model. */
  readonly bytes: number;
}

function waysOf(match: Match, { name, context, parallel, bytes }: Wanted): string[] {
  const { model, quantization } = match;
  const fits = (load: Partial<Parameters<typeof loadNeed>[0]>) =>
    loadNeed({ ...match, context, parallel, ...load }).total <= bytes;
  const shorter = contextChoices(model).find((choice) => choice < context && fits({ context: choice }));
  const smaller = ggufQuantizations()
    .filter((other) => other !== quantization && other !== "Q4_0")
    .filter((other) => fits({ quantization: other }))
    .at(-1);
  const fewer = Array.from({ length: parallel - 1 }, (_, index) => parallel - 1 - index).find((count) =>
    fits({ parallel: count }),
  );
  const ways = [
    ...(shorter === undefined ? [] : [`context ${formatTokens(shorter)}`]),
    ...(smaller === undefined ? [] : [`quantization ${smaller}`]),
    ...(fewer === undefined ? [] : [`engine.parallel ${fewer}`]),
  ];
  const others = otherModels(model, { name, context, parallel, bytes });
  return [
    ...(ways.length === 0 ? [] : [`${name}fits: ${ways.join(", or ")}`]),
    ...(others.length === 0 ? [] : [`${name}choose another model: ${others.join(", ")}`]),
  ];
}

function otherModels(model: CatalogModel, { context, parallel, bytes }: Wanted): string[] {
  return permissiveModels(model, (other) => {
    const fits = loadNeed({ model: other, quantization: "Q4_K_M", context, parallel }).total <= bytes;
    return other.context >= context && fits;
  }).map(({ id }) => `${id} at Q4_K_M`);
}

/** Up to three permissive models of a kind, those of the same language first, then the largest. */
export function permissiveModels(model: CatalogModel, fits: (other: SizedModel) => boolean): readonly SizedModel[] {
  const sameLanguage = (other: CatalogModel) => (other.languages[0] === model.languages[0] ? 0 : 1);
  return catalogModels()
    .filter((other): other is SizedModel => isSizable(other) && other.id !== model.id)
    .filter((other) => licenceOf(other).class === "permissive" && !other.unverified.includes("format"))
    .filter(fits)
    .sort((one, other) => sameLanguage(one) - sameLanguage(other) || other.parameters - one.parameters)
    .slice(0, 3);
}
