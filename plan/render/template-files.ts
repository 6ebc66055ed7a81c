import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

// Templates are part of the program, like its code; reading them is not input.
const ROOT = join(__dirname, "..", "..", "templates");

const texts = new Map<string, string>();

/** The text of a file under `templates/`. */
export function templateText(path: string): string {
  let text = texts.get(path);
  if (text === undefined) {
    text = readFileSync(join(ROOT, path), "utf8");
    texts.set(path, text);
  }
  return text;
}

/** Names of the files directly under a folder of `templates/`, sorted. */
export function templateNames(folder: string): string[] {
  return readdirSync(join(ROOT, folder)).sort();
}
