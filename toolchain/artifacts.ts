import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { artifactIndexSchema, type ArtifactIndex } from "../plan/artifacts";
import { PRIVATE } from "./places";
import { writePrivate } from "./private-files";

/** A file that can be delivered to a host. */
export type Artifact = ArtifactIndex[string];

const INDEX = join(PRIVATE, "artifacts.json");

/** What this clone has on offer; empty before the first run, or when the file cannot be read any more. */
function readArtifacts(): ArtifactIndex {
  if (!existsSync(INDEX)) return {};
  try {
    return artifactIndexSchema.parse(JSON.parse(readFileSync(INDEX, "utf8")));
  } catch {
    // It holds nothing that the next run would not find again.
    return {};
  }
}

/** The entry under this key, if its file is still there. */
export function findArtifact(key: string): Artifact | undefined {
  const entry = readArtifacts()[key];
  return entry !== undefined && existsSync(entry.path) ? entry : undefined;
}

export function recordArtifact(key: string, artifact: Artifact): Artifact {
  writePrivate(INDEX, `${JSON.stringify({ ...readArtifacts(), [key]: artifact }, undefined, 2)}\n`);
  return artifact;
}
