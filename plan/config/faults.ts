import { closest, distance } from "fastest-levenshtein";

/** Namespace of the project's keys in a stack file. */
export const NAMESPACE = "tms-llm";

export type PropertyPath = readonly (string | number)[];

/** One thing that is wrong with a stack file. */
export interface Fault {
  /** As Pulumi writes property paths: `tms-llm:models[0].source`; `line 3, column 5` for text that is no YAML. */
  readonly path: string;
  /** What stands there, short; secrets are never shown. */
  readonly found: string;
  /** What may stand there. */
  readonly expected: string;
  /** What to do now, where more can be said than "write what is allowed". */
  readonly hint?: string;
}

/** A fault whose path is still in pieces. */
export interface LocatedFault extends Omit<Fault, "path"> {
  readonly path: PropertyPath;
}

/** Every fault of one stack file; the message is ready for a terminal. */
export class ConfigurationFaults extends Error {
  override readonly name = "ConfigurationFaults";

  constructor(
    readonly file: string,
    readonly faults: readonly Fault[],
  ) {
    super(
      [
        `${file} has ${faults.length === 1 ? "1 fault" : `${faults.length} faults`}. No host was touched.`,
        ...faults.map(render),
        "Every key is described in docs/configuration.md.",
      ].join("\n\n"),
    );
  }
}

function render({ path, found, expected, hint }: Fault): string {
  return [
    path,
    `  found:   ${found}`,
    `  allowed: ${expected}`,
    ...(hint === undefined ? [] : [`  hint:    ${hint}`]),
  ].join("\n");
}

export function locate({ path, ...fault }: LocatedFault): Fault {
  return { path: formatPath(path), ...fault };
}

/** `["clients", "Bad Name", "a"]` → `tms-llm:clients["Bad Name"].a`. */
export function formatPath(path: PropertyPath): string {
  return path.reduce<string>((text, part, position) => {
    if (typeof part === "number") return `${text}[${part}]`;
    if (position === 0) return `${text}${part}`;
    return /^[\w-]+$/.test(part) ? `${text}.${part}` : `${text}[${JSON.stringify(part)}]`;
  }, `${NAMESPACE}:`);
}

const LONGEST_VALUE = 60;

/** A found value in a few words. */
export function describeValue(value: unknown): string {
  if (value === undefined) return "nothing, the key is missing";
  if (value === null) return "an empty value";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : `a list of ${value.length}`;
  if (typeof value === "object") {
    const keys = Object.keys(value);
    return keys.length === 0 ? "an empty mapping" : `a mapping with ${shorten(keys.join(", "))}`;
  }
  if (typeof value !== "string") return JSON.stringify(value);
  // Somebody pastes the key itself where its path belongs: it must not reach a terminal or a CI log.
  if (value.includes("PRIVATE KEY")) return "a private key (not shown)";
  return JSON.stringify(shorten(value.replace(/(?<=:\/\/)[^\s/@]+@/, "…@")));
}

function shorten(text: string): string {
  return text.length <= LONGEST_VALUE ? text : `${text.slice(0, LONGEST_VALUE - 1)}…`;
}

/** "a", "a or b", "a, b or c". */
export function either(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} or ${names.at(-1)!}`;
}

/** The valid name that was probably meant: the same but for case, separators or the order of letters, or a few letters away. */
export function nearestName(written: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const bare = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, "");
  const letters = (name: string) => Array.from(bare(name)).sort().join("");
  const same = names.find((name) => letters(name) === letters(written));
  if (same !== undefined) return same;
  const near = closest(bare(written), names.map(bare));
  const allowed = Math.min(3, Math.floor(Math.max(near.length, written.length) / 3));
  return distance(bare(written), near) <= allowed ? names.find((name) => bare(name) === near) : undefined;
}
