/**
 * Property values as they travel between the Pulumi engine and a provider plugin: plain JSON in which secrets, assets
 * and archives are objects that carry a signature, and values not known yet are reserved strings.
 * The constants are those of the engine's `resource` package (pulumi/sdk/go/common/resource).
 */

export type Properties = Record<string, unknown>;

const SIGNATURE_KEY = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const ASSET = "c44067f5952c0a294b673a41bacd8c17";
const ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7";

/** Stands for a value that a preview cannot know. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const UNKNOWNS = new Set([
  UNKNOWN,
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "030794c1-ac77-496b-92df-f27374a8bd58",
  "e48ece36-62e2-4504-bad9-02848725956a",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

export interface Asset {
  readonly hash?: string;
  readonly path?: string;
  readonly text?: string;
  readonly uri?: string;
}

export function isObject(value: unknown): value is Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function hasSignature(value: unknown, signature: string): value is Properties {
  return isObject(value) && value[SIGNATURE_KEY] === signature;
}

export function isUnknown(value: unknown): boolean {
  return typeof value === "string" && UNKNOWNS.has(value);
}

export function isSecret(value: unknown): boolean {
  return hasSignature(value, SECRET);
}

export function isAsset(value: unknown): value is Asset {
  return hasSignature(value, ASSET);
}

export function isArchive(value: unknown): value is Asset {
  return hasSignature(value, ARCHIVE);
}

/** Marks a value as secret; one that is secret already stays as it is. */
export function secret(value: unknown): unknown {
  return isSecret(value) ? value : { [SIGNATURE_KEY]: SECRET, value };
}

/** The value behind a secret's wrapper; wrappers further inside stay. */
export function unwrap(value: unknown): unknown {
  let current = value;
  while (hasSignature(current, SECRET)) current = current["value"];
  return current;
}

/** The value with the secret wrappers taken off at every depth: for use, never for what is handed back. */
export function reveal(value: unknown): unknown {
  const bare = unwrap(value);
  if (Array.isArray(bare)) return bare.map(reveal);
  if (isAsset(bare) || isArchive(bare) || !isObject(bare)) return bare;
  return Object.fromEntries(Object.entries(bare).map(([key, item]) => [key, reveal(item)]));
}

/** Whether a preview leaves any part of the value open. */
export function hasUnknown(value: unknown): boolean {
  const bare = unwrap(value);
  if (Array.isArray(bare)) return bare.some(hasUnknown);
  if (isObject(bare)) return Object.values(bare).some(hasUnknown);
  return isUnknown(bare);
}

/** Drops absent members: the engine's messages know no `undefined`. */
export function defined(properties: Properties): Properties {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined && value !== null));
}
