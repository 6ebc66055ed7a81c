import { paragraph } from "../preflight/refusal";
import type { Finding, Violation } from "./resource";

/** A stack that breaks rules; the message is ready for a terminal, every violation at once. */
export class PolicyViolations extends Error {
  override readonly name = "PolicyViolations";

  constructor(
    stack: string,
    readonly violations: readonly Violation[],
  ) {
    const places = violations.length === 1 ? "1 place" : `${violations.length} places`;
    super(
      [
        `${stack} is not deployed like this: it breaks policies in ${places}. Nothing was changed on the host.`,
        ...violations.map(violationText),
        "Every rule is described in docs/operate/policy.md.",
      ].join("\n\n"),
    );
  }
}

export const violationText = ({ resource, ...refusal }: Violation): string =>
  paragraph({ ...refusal, found: `${refusal.found} (${resource})` });

/** For Pulumi, which names rule and resource itself. */
export const findingText = ({ what, found, needed, wayOut }: Finding): string =>
  [what, `  found:   ${found}`, `  needed:  ${needed}`, `  way out: ${wayOut}`].join("\n");
