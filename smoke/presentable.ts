import type { CheckResult } from "./report-json";
import type { SmokeTarget } from "./target";

// A server's answer is quoted; what it holds must not move the reader's cursor.
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** A result as it may be printed and stored: no key, whatever the server answered, and no control characters. */
export function presentable(result: CheckResult, clients: SmokeTarget["clients"]): CheckResult {
  const clean = (text: string) =>
    clients
      .reduce((cleaned, { name, key }) => cleaned.replaceAll(key, `[${name}'s key]`), text)
      .replaceAll(CONTROL, "\u00b7");
  const walk = (value: unknown): unknown => {
    if (typeof value === "string") return clean(value);
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value === "object" && value !== null)
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [clean(name), walk(inner)]));
    return value;
  };
  return walk(result) as CheckResult;
}
