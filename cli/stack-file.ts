import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "./project";

/** The stack file as text. Whoever changes it holds the run lock from reading it to the end of its deployment. */

const pathOf = (stack: string) => join(PROJECT, `Pulumi.${stack}.yaml`);

export const stackFileText = (stack: string) => readFileSync(pathOf(stack), "utf8");

export function writeStackFile(stack: string, text: string): void {
  writeFileSync(`${pathOf(stack)}.new`, text);
  renameSync(`${pathOf(stack)}.new`, pathOf(stack));
}
