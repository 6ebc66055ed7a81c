import { z } from "zod";
import type { PlannedArtifact } from "./step";

/** `.tms-llm/artifacts.json`, written by the toolchain: what this machine can deliver to a host. */
export const artifactIndexSchema = z.record(
  z.string(),
  z.object({
    path: z.string(),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    origin: z.enum(["official", "local-build"]),
  }),
);

export type ArtifactIndex = z.output<typeof artifactIndexSchema>;

/** Something that a plan is made from is not on this machine; the message is ready for a terminal. */
export class NotPrepared extends Error {
  override readonly name = "NotPrepared";
}

/** `.tms-llm/pins.json`: SHA-256 by name, as the publisher said it when this clone first asked. */
export const pinsSchema = z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/));

export type Pins = z.output<typeof pinsSchema>;

/** An artifact of the index under the name that a step's script uses. */
export function localArtifact(index: ArtifactIndex, key: string, name: string): PlannedArtifact {
  const entry = index[key];
  if (!entry)
    throw new NotPrepared(
      `the artifact ${key} is not in .tms-llm/artifacts.json.\n  way out: npm run up, which makes what is missing`,
    );
  return { name, sha256: entry.sha256, source: { kind: "local", path: entry.path } };
}
