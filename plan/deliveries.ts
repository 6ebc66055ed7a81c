import { z } from "zod";
import type { PlannedArtifact } from "./step";

/** What `up` sends to a host from this machine, as it decided when it last looked at the host. SHA-256 of artifacts. */

const deliveriesSchema = z.strictObject({
  /** Files of this machine that the host has already, without Pulumi's doing. */
  unsent: z.array(z.string()),
  /** What the host cannot download by itself, or was sent before. */
  sent: z.array(z.string()),
});

export type Deliveries = z.output<typeof deliveriesSchema>;

/** As before anybody has looked: files of this machine are sent, and the rest the host downloads. */
export const NO_DELIVERIES: Deliveries = { unsent: [], sent: [] };

/** Reads the file of a stack; the list of an earlier release of this project is what was not sent. */
export function parseDeliveries(text: string): Deliveries {
  const written: unknown = JSON.parse(text);
  return Array.isArray(written)
    ? { ...NO_DELIVERIES, unsent: z.array(z.string()).parse(written) }
    : deliveriesSchema.parse(written);
}

/** What the decision depends on. */
export interface DeliveryCircumstances {
  /** SHA-256 of what the host has unpacked. */
  readonly held: readonly string[];
  /** Whether Pulumi has it in its state that the artifact was sent: then it stays there, or each preview would differ. */
  readonly wasSent: (artifact: PlannedArtifact) => boolean;
  /** Whether this machine has the file. */
  readonly isHere: (path: string) => boolean;
  /** Whether the host can download the file at this URL. */
  readonly reaches: (url: string) => boolean;
}

/** @returns what is sent, and the URLs of what has to be sent but is not on this machine yet */
export function decideDeliveries(
  artifacts: readonly PlannedArtifact[],
  { held, wasSent, isHere, reaches }: DeliveryCircumstances,
): { readonly deliveries: Deliveries; readonly missing: readonly string[] } {
  const [unsent, sent, missing]: [string[], string[], string[]] = [[], [], []];
  for (const artifact of artifacts) {
    const { sha256, source } = artifact;
    const isHeld = held.includes(sha256);
    if (source.kind === "local") {
      if (isHeld && !wasSent(artifact)) unsent.push(sha256);
    } else if (source.orSent) {
      const here = source.orSent.path !== undefined && isHere(source.orSent.path);
      if (!(here && wasSent(artifact)) && (isHeld || reaches(source.url))) continue;
      sent.push(sha256);
      if (!here) missing.push(source.url);
    }
  }
  return { deliveries: { unsent, sent }, missing };
}

/** The file of this machine that is sent to the host as this artifact; undefined where none is. */
export function sentFile({ sha256, source }: PlannedArtifact, { unsent, sent }: Deliveries): string | undefined {
  if (source.kind === "local") return unsent.includes(sha256) ? undefined : source.path;
  return sent.includes(sha256) ? source.orSent?.path : undefined;
}
