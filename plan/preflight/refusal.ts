/** Something about a host that stands in the way of a deployment, or that its operator should know. */
export interface Refusal {
  /** Kebab case, stable: scripts and tests name a refusal by it. */
  readonly id: string;
  /** One sentence: what is wrong. */
  readonly what: string;
  readonly found: string;
  readonly needed: string;
  /** What to do now; every way that there is. */
  readonly wayOut: string;
}

/** Refusals as one message for a terminal; warnings, where given, come after them. */
export function refusalText(refusals: readonly Refusal[], warnings: readonly Refusal[] = []): string {
  const heading =
    refusals.length === 1
      ? "The host is not ready: 1 thing stands in the way. Nothing was changed on it."
      : `The host is not ready: ${refusals.length} things stand in the way. Nothing was changed on it.`;
  return [
    ...(refusals.length === 0 ? [] : [heading, ...refusals.map(paragraph)]),
    ...(warnings.length === 0 ? [] : ["Worth knowing about the host:", ...warnings.map(paragraph)]),
  ].join("\n\n");
}

export function paragraph({ id, what, found, needed, wayOut }: Refusal): string {
  return [`${what} (${id})`, `  found:   ${found}`, `  needed:  ${needed}`, `  way out: ${wayOut}`].join("\n");
}

/** A plan that cannot be made: the message is ready for a terminal, every reason at once. */
export class PlanRefused extends Error {
  override readonly name = "PlanRefused";

  constructor(
    stack: string,
    readonly refusals: readonly Refusal[],
  ) {
    const count = refusals.length === 1 ? "1 thing stands" : `${refusals.length} things stand`;
    super(
      [`There is no plan for ${stack}: ${count} in the way. No host was touched.`, ...refusals.map(paragraph)].join(
        "\n\n",
      ),
    );
  }
}
