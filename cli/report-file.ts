import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { PROJECT } from "./project";

/** Writes what a verb has measured. @param file relative to the project's folder; its folder is made */
export function writeReport(file: string, text: string): void {
  const path = resolve(PROJECT, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
