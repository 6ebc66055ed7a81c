/** Fills the `{{slot}}`s of a template. Templates are real files, so that the tools of their format can read them. */

// Secrets have slots of another form, {{secret:name}}, which stay until the files are sent.
const SLOT = /\{\{([a-zA-Z][a-zA-Z0-9]*)\}\}/g;
const SLOT_LINE = /^([ \t]*)\{\{([a-zA-Z][a-zA-Z0-9]*)\}\}[ \t]*(?:\n|$)/gm;

export type Slots = Readonly<Record<string, string>>;

/**
 * A slot alone on its line may take several lines, which get the slot's indentation; an empty value removes the line.
 * Elsewhere a slot is replaced as it stands. Throws when a slot has no value, or a value no slot: both are mistakes of
 * this program, not of its user.
 */
export function fillTemplate(template: string, slots: Slots): string {
  const named = new Set([...template.matchAll(SLOT)].map((match) => match[1]!));
  const given = Object.keys(slots);
  const faults = [
    ...[...named].filter((name) => !Object.hasOwn(slots, name)).map((name) => `the slot {{${name}}} has no value`),
    ...given.filter((name) => !named.has(name)).map((name) => `the value "${name}" has no slot`),
  ];
  if (faults.length > 0) throw new Error(`template: ${faults.join("; ")}`);
  // One pass over both forms: a value that looks like a slot stays as it is.
  return template.replace(
    new RegExp(`${SLOT_LINE.source}|${SLOT.source}`, "gm"),
    (_, indent: string, alone: string | undefined, inline: string) =>
      alone === undefined ? slots[inline]! : block(slots[alone]!, indent),
  );
}

function block(value: string, indent: string): string {
  if (value === "") return "";
  const lines = value.replace(/\n$/, "").split("\n");
  return lines.map((line) => `${line === "" ? "" : indent + line}\n`).join("");
}
