import { createHash } from "node:crypto";
import type { ArtifactIndex, Pins } from "../artifacts";
import { OLLAMA_RELEASES, releasedArchive } from "../catalog/ollama";
import { ollamaArtifact } from "./ollama";

/**
 * Ollama's archive as its publisher has it, for a plan on a machine where it is not: by the checksum of the catalogue or of
 * this clone, so that the plan is the one of `up`. Of a release whose checksum nobody has verified the name stands for it.
 */
export function publishedArchive(version: string, architecture: string, pins: Pins): ArtifactIndex[string] {
  const key = ollamaArtifact(version, architecture);
  const release = OLLAMA_RELEASES[version];
  const published = release && releasedArchive(release, architecture);
  const sha256 = published?.sha256 ?? pins[key] ?? createHash("sha256").update(key).digest("hex");
  return { path: `${key}.tar.zst`, sha256, origin: "official" };
}
