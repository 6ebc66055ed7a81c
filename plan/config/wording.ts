import { z } from "zod";

/** How a schema speaks to people; read by the fault messages and by the generator of `docs/configuration.md`. */
export interface Wording {
  /** What is allowed, as it stands after "allowed:". */
  readonly expected: string;
  /** Type as the configuration table shows it; default: `expected`. */
  readonly type?: string;
  /** What to do about a wrong value, where that is the same for every wrong value. */
  readonly hint?: string;
  /** Prints a parsed value the way people write it; default: as YAML. */
  readonly print?: (value: never) => string;
}

/** Wordings by schema. A clone made by `.describe()` keeps its parent's entry. */
export const wordings = z.registry<Wording>();

/** A text that matches `pattern`. */
export const text = (pattern: RegExp, wording: Wording) => z.string().regex(pattern).register(wordings, wording);
