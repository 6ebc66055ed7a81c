import { randomBytes } from "node:crypto";
import type { CallContext, Checked } from "../protocol/provider";
import { reveal, type Properties } from "../protocol/values";

/**
 * Fills in a missing `name` as the official plugin does: the resource's name, a dash and 7 hex digits, noted in
 * `__defaults`, and kept from then on.
 */
export function named(inputs: Properties, before: Properties | undefined, context: CallContext): Checked {
  if (inputs["name"] !== undefined) return { inputs: { ...inputs, __defaults: [] }, faults: [] };
  const generated = (reveal(before?.["__defaults"]) as string[] | undefined)?.includes("name") === true;
  const name = generated ? before?.["name"] : `${context.name}-${randomBytes(4).toString("hex").slice(0, 7)}`;
  return { inputs: { ...inputs, name, __defaults: ["name"] }, faults: [] };
}

/** Inputs as outputs: without the notes that only inputs carry. */
export function asOutputs(inputs: Properties): Properties {
  return Object.fromEntries(Object.entries(inputs).filter(([name]) => name !== "__defaults"));
}

export interface Label {
  readonly label: string;
  readonly value: string;
}

export function labelMap(labels: readonly Label[] | undefined): Record<string, string> {
  return Object.fromEntries((labels ?? []).map(({ label, value }) => [label, value]));
}
