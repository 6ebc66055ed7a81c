import { addressesIn, replaceAddresses } from "./addresses";
import { spellings } from "./known";
import { replaceHosts, replacePeople } from "./names";
import { withoutPrompts } from "./prompts";
import { withoutShapes } from "./shapes";

/** Takes out of a report what is nobody else's business. Pure; the same name or address gets the same number everywhere. */

/** What is known of a deployment beforehand. */
export interface Known {
  /** Values that must not be seen in any spelling. */
  readonly secrets: readonly string[];
  /** Texts that are for models, such as system prompts. */
  readonly prompts: readonly string[];
  readonly hosts: readonly string[];
  readonly people: readonly string[];
  /** The stack file: its names and addresses stay, wherever they stand. */
  readonly stackFile: string;
}

export interface RedactionOptions {
  /** Whether addresses and names of machines stay; default false. */
  readonly withAddresses?: boolean;
}

/** Path → text. */
export type ReportFiles = Readonly<Record<string, string>>;

/** How often something was taken out; of addresses and names, how many there were. */
export interface RedactionCounts {
  readonly secrets: number;
  readonly prompts: number;
  readonly addresses: number;
  readonly names: number;
}

/** Longest line that is left, in characters: what is longer holds data, not a message. */
const LONGEST_LINE = 4000;

// What a terminal would obey.
const ESCAPES = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|.)/g;
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

export function redact(
  files: ReportFiles,
  known: Known,
  { withAddresses = false }: RedactionOptions = {},
): { readonly files: ReportFiles; readonly counts: RedactionCounts } {
  const counts = { secrets: 0, prompts: 0 };
  const addresses = numbered("address", addressesIn(known.stackFile));
  const names = numbered("name", namesIn(known.stackFile));
  const secrets = [...new Set(known.secrets.flatMap(spellings))].sort((a, b) => b.length - a.length);
  const prompts = [...new Set(known.prompts.flatMap((prompt) => [prompt, ...prompt.split("\n")]).flatMap(spellings))];

  const clean = (path: string, raw: string): string => {
    let text = raw.replaceAll("\r\n", "\n").replaceAll(ESCAPES, "").replaceAll(CONTROLS, "\u00b7");
    text = without(text, secrets, "[secret]", () => (counts.secrets += 1));
    text = withoutShapes(text, () => (counts.secrets += 1));
    text = without(text, prompts, "[prompt]", () => (counts.prompts += 1));
    if (path.startsWith(LOGS)) text = withoutPrompts(text, () => (counts.prompts += 1));
    text = replacePeople(text, known.people, names.of);
    if (!withAddresses) text = replaceAddresses(replaceHosts(text, known.hosts, names.of), addresses.of);
    return text.split("\n").map(shortened).join("\n");
  };
  const cleaned = Object.fromEntries(Object.entries(files).map(([path, text]) => [path, clean(path, text)]));
  return { files: cleaned, counts: { ...counts, addresses: addresses.count(), names: names.count() } };
}

/** Folder of what programs have written by themselves. */
const LOGS = "host/logs/";

function without(text: string, values: readonly string[], replacement: string, count: () => void): string {
  return values.reduce((left, value) => {
    if (!left.includes(value)) return left;
    const parts = left.split(value);
    parts.slice(1).forEach(count);
    return parts.join(replacement);
  }, text);
}

/** Numbers what it is asked for as it comes; what is in `staying` keeps its own name. */
function numbered(kind: string, staying: ReadonlySet<string>) {
  const numbers = new Map<string, string>();
  const of = (name: string): string => {
    if (staying.has(name) || staying.has(name.toLowerCase())) return name;
    const known = numbers.get(name) ?? `${kind}-${numbers.size + 1}`;
    numbers.set(name, known);
    return known;
  };
  return { of, count: () => numbers.size };
}

/** Everything in the stack file that might be somebody's name. */
const namesIn = (stackFile: string) =>
  new Set(stackFile.split(/[^\w.-]+/).flatMap((word) => [word, word.toLowerCase(), word.replace(/^\.+|\.+$/g, "")]));

const shortened = (line: string) => (line.length <= LONGEST_LINE ? line : `${line.slice(0, LONGEST_LINE)}[cut here]`);
