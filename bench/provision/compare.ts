import { CommandFailure } from "../../cli/failure";
import { differences } from "./figures";

export interface EndState {
  readonly contender: string;
  readonly snapshot: readonly string[];
}

const SHOWN = 40;

/** Figures of unequal work would mean nothing: throws with every difference where the end states are not equal. */
export function demandEqual([reference, ...others]: readonly EndState[]): void {
  if (!reference) return;
  const faults = others.flatMap(({ contender, snapshot }) =>
    differences(reference.snapshot, snapshot).map(({ line, side }) => {
      return `only ${side === "left" ? reference.contender : contender}: ${line}`;
    }),
  );
  if (faults.length === 0) return;
  const more = faults.length > SHOWN ? `\n  and ${faults.length - SHOWN} more` : "";
  throw new CommandFailure(
    `the contenders left hosts that are not equal, so there are no figures:\n  ${faults.slice(0, SHOWN).join("\n  ")}${more}`,
    "make the contenders' work equal in bench/provision, or name an exclusion with its reason in snapshot.sh",
  );
}
