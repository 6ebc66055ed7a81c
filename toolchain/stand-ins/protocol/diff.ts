import { isArchive, isAsset, isObject, unwrap, type Properties } from "./values";

export type ChangeKind = "add" | "delete" | "update";

export interface Change {
  /** Property path as the engine writes it: `connection.host`, `triggers[0]`, `environment["A.B"]`. */
  readonly path: string;
  readonly kind: ChangeKind;
}

/**
 * What differs between a resource's recorded and its new inputs, leaf by leaf. A secret equals the same value in
 * clear: marking a value as secret changes how it is kept, not what it is. Assets are told apart by their hash, so a
 * file that moved without changing is no change.
 */
export function changesBetween(before: Properties, after: Properties): Change[] {
  const changes: Change[] = [];
  compareObjects(before, after, "", changes);
  return changes;
}

function compareObjects(before: Properties, after: Properties, path: string, changes: Change[]): void {
  for (const key of [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()) {
    // Members with two leading underscores are notes that a provider leaves in the state, not inputs.
    if (key.startsWith("__")) continue;
    compare(before[key], after[key], member(path, key), changes);
  }
}

function compare(wrappedBefore: unknown, wrappedAfter: unknown, path: string, changes: Change[]): void {
  const before = unwrap(wrappedBefore) ?? undefined;
  const after = unwrap(wrappedAfter) ?? undefined;
  if (before === undefined && after === undefined) return;
  if (before === undefined) changes.push({ path, kind: "add" });
  else if (after === undefined) changes.push({ path, kind: "delete" });
  else if (Array.isArray(before) && Array.isArray(after)) {
    for (let index = 0; index < Math.max(before.length, after.length); index++) {
      compare(before[index], after[index], `${path}[${index}]`, changes);
    }
  } else if (isFile(before) || isFile(after)) {
    if (!isFile(before) || !isFile(after) || before["hash"] !== after["hash"]) changes.push({ path, kind: "update" });
  } else if (isObject(before) && isObject(after)) {
    compareObjects(before, after, path, changes);
  } else if (before !== after) changes.push({ path, kind: "update" });
}

function isFile(value: unknown): value is Properties {
  return isAsset(value) || isArchive(value);
}

function member(path: string, key: string): string {
  if (!/^[A-Za-z_$][\w$]*$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === "" ? key : `${path}.${key}`;
}

/** The input that a path starts at: `triggers[0]` → `triggers`. */
export function inputOf(path: string): string {
  return /^[\w$]+/.exec(path)?.[0] ?? path;
}
