import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** The top folder of the checkout. */
export const PROJECT = resolve(__dirname, "..");

/** What belongs to this clone and is no part of its history: state, keys, settings, reports. Ignored by git. */
export const PRIVATE = join(PROJECT, ".tms-llm");

/** What is made once per version and machine and shared by all clones; honours `XDG_CACHE_HOME`. */
export function cacheFolder(): string {
  return join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "tms-llm");
}

/** Node's name of this machine's architecture in the spelling of Debian, Go and Ollama. */
export function architecture(): "amd64" | "arm64" | undefined {
  if (process.arch === "x64") return "amd64";
  return process.arch === "arm64" ? "arm64" : undefined;
}
