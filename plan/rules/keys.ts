import type { Rule } from "./resource";

/** The strength that NIST SP 800-57 (part 1, revision 5, table 4) takes for sufficient after 2030. */
const FEWEST_BITS = 128;

export const longKeys: Rule = {
  id: "long-keys",
  demand: `A key that is made at random carries ${FEWEST_BITS} bits or more.`,
  exception: "none",
  judge(resource) {
    if (resource.kind !== "key") return [];
    const { length, alphabet } = resource;
    const perCharacter = Math.log2(Math.max(alphabet, 1));
    const bits = Math.floor(length * perCharacter);
    if (bits >= FEWEST_BITS) return [];
    return [
      {
        what: "A key would be short enough to be guessed.",
        found: `${length} characters out of ${alphabet}, ${bits} bits`,
        needed: `${FEWEST_BITS} bits: ${perCharacter === 0 ? "characters of more than one kind" : `${Math.ceil(FEWEST_BITS / perCharacter)} such characters`}`,
        wayOut: "raise KEY_SHAPE in plan/keys.ts",
      },
    ];
  },
};
