import { randomInt } from "node:crypto";
import type { Fields } from "../protocol/inputs";
import { reveal, type Properties } from "../protocol/values";

/** Inputs of RandomPassword and RandomString. */
export const TEXT_FIELDS: Fields = {
  keepers: { kind: "stringMap" },
  length: { kind: "number", required: true },
  lower: { kind: "boolean" },
  minLower: { kind: "number" },
  minNumeric: { kind: "number" },
  minSpecial: { kind: "number" },
  minUpper: { kind: "number" },
  number: { kind: "boolean" },
  numeric: { kind: "boolean" },
  overrideSpecial: { kind: "string" },
  special: { kind: "boolean" },
  upper: { kind: "boolean" },
};

interface TextRule {
  readonly length: number;
  readonly lower: boolean;
  readonly upper: boolean;
  readonly numeric: boolean;
  readonly special: boolean;
  readonly minLower: number;
  readonly minUpper: number;
  readonly minNumeric: number;
  readonly minSpecial: number;
  readonly overrideSpecial?: string;
}

const SPECIAL = "!@#$%&*()-_=+[]{}<>:?";

/** The inputs with every default written out; `number` is the old name of `numeric`, the official state has both. */
export function withDefaults(inputs: Properties): Properties {
  const numeric = inputs["numeric"] ?? inputs["number"] ?? true;
  return {
    lower: true,
    upper: true,
    special: true,
    minLower: 0,
    minUpper: 0,
    minNumeric: 0,
    minSpecial: 0,
    ...inputs,
    numeric,
    number: numeric,
  };
}

/** Why no text can follow these rules; empty when one can. */
export function ruleFaults(inputs: Properties): string[] {
  const rule = ruleOf(inputs);
  const faults: string[] = [];
  const wanted = rule.minLower + rule.minUpper + rule.minNumeric + rule.minSpecial;
  if (rule.length < 1 || rule.length < wanted) {
    faults.push(
      `length must be at least 1 and at least minLower + minUpper + minNumeric + minSpecial, here ${Math.max(1, wanted)}`,
    );
  }
  if (classesOf(rule).every(({ characters }) => characters === "")) {
    faults.push("at least one of lower, upper, numeric and special must be true");
  }
  return faults;
}

/** A text by the rules: the demanded characters of each class, the rest from all classes, in random order. */
export function randomText(inputs: Properties): string {
  const rule = ruleOf(inputs);
  const classes = classesOf(rule);
  const all = classes.map(({ characters }) => characters).join("");
  const text = classes.flatMap(({ characters, least }) => draw(characters, least));
  text.push(...draw(all, rule.length - text.length));
  for (let last = text.length - 1; last > 0; last--) {
    const other = randomInt(last + 1);
    [text[last], text[other]] = [text[other] ?? "", text[last] ?? ""];
  }
  return text.join("");
}

function ruleOf(inputs: Properties): TextRule {
  return reveal(withDefaults(inputs)) as TextRule;
}

function classesOf(rule: TextRule): { characters: string; least: number }[] {
  const special = rule.overrideSpecial === undefined || rule.overrideSpecial === "" ? SPECIAL : rule.overrideSpecial;
  return [
    { characters: rule.lower ? "abcdefghijklmnopqrstuvwxyz" : "", least: rule.minLower },
    { characters: rule.upper ? "ABCDEFGHIJKLMNOPQRSTUVWXYZ" : "", least: rule.minUpper },
    { characters: rule.numeric ? "0123456789" : "", least: rule.minNumeric },
    { characters: rule.special ? special : "", least: rule.minSpecial },
  ];
}

function draw(characters: string, count: number): string[] {
  return Array.from({ length: count }, () => characters.charAt(randomInt(characters.length)));
}
