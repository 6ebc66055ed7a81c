import type { Rule } from "./resource";

export const licenceAccepted: Rule = {
  id: "licence-accepted",
  demand: "A model whose licence restricts its use is named with consent to that licence.",
  exception:
    "`acceptLicence` of the model; models under permissive licences, and those that the catalogue does not know",
  judge(resource) {
    if (resource.kind !== "step") return [];
    const { licence, licence_class: kind, licence_accepted: accepted } = resource.terms;
    if (licence === undefined || kind === "permissive" || accepted === licence) return [];
    return [
      {
        what: "A model's licence restricts what it may be used for, and nobody has agreed to it.",
        found:
          accepted === undefined
            ? `${licence} (${kind ?? "of no known class"})`
            : `consent to ${accepted}, not to ${licence}`,
        needed: `acceptLicence: ${licence}`,
        wayOut: `write it beside the model in the stack file if your use is allowed, or choose another: npm run models`,
      },
    ];
  },
};
