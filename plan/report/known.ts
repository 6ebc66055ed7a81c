import { z } from "zod";

/** What must not be seen in a report, gathered from where it is known, and how it may be spelled. */

/** Shorter ones would be found in the middle of words. */
const SHORTEST_SECRET = 6;

const PRIVATE_PEM = /-----BEGIN [A-Z ]*PRIVATE KEY-----([\s\S]*?)-----END/g;
/** A variable or setting that is called like a secret, with its value. A host's key is a public one. */
const NAMED = /(?:(?<!host|public[-_]?)KEY|TOKEN|SECRET|PASSWORD|PASSPHRASE)["']?\s*[=:]\s*["']?([^\s"',;]+)/gi;
// In nginx's map as a regular expression: (?i:Bearer) +KEY$
const BEARER = /Bearer\)?\s+\+?([\w.~/=+-]+)/g;

/** The secrets in a text that is known to hold some: keys in PEM, bearer tokens, values of variables that are called so. */
export function secretsIn(text: string): string[] {
  const pem = [...text.matchAll(PRIVATE_PEM)].flatMap(([, body = ""]) => body.split("\n"));
  const lines = pem.map((line) => line.trim());
  const values = [NAMED, BEARER].flatMap((pattern) => [...text.matchAll(pattern)].map(([, value = ""]) => value));
  const whole = text.trim();
  const found = [...lines, ...values, ...(/\s/.test(whole) ? [] : [whole])];
  return found.filter((secret) => secret.length >= SHORTEST_SECRET);
}

/** How Pulumi marks a secret in an export with `--show-secrets`. */
const markedSchema = z.object({ "4dabf18193072939515e22adb298388d": z.string(), plaintext: z.string() });

/** Every secret in Pulumi's state, from what `pulumi stack export --show-secrets` prints. */
export function secretsInState(exported: string): string[] {
  return [...new Set(marked(JSON.parse(exported)).flatMap(secretsIn))];
}

/** Pulumi marks a connection as a whole, for its key: where it leads is no secret. */
const OPEN = new Set(["host", "user", "hostKey", "agentSocketPath"]);

/** Texts below values that are marked as secret. */
function marked(value: unknown, secret = false): string[] {
  if (typeof value === "string") return secret ? [value] : [];
  if (typeof value !== "object" || value === null) return [];
  const plaintext = markedSchema.safeParse(value);
  if (plaintext.success) return marked(JSON.parse(plaintext.data.plaintext), true);
  return Object.entries(value).flatMap(([name, inner]) => (secret && OPEN.has(name) ? [] : marked(inner, secret)));
}

/** Every way in which a secret may stand in a log or a file, the longest first. */
export function spellings(secret: string): string[] {
  if (secret.length < SHORTEST_SECRET) return [];
  const bytes = Buffer.from(secret);
  const json = JSON.stringify(secret).slice(1, -1);
  const ascii = json.replaceAll(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const url = encodeURIComponent(secret);
  const all = [
    ...[secret, json, ascii, url, url.replaceAll("%20", "+"), url.replaceAll(/%../g, (code) => code.toLowerCase())],
    ...[bytes.toString("hex"), bytes.toString("hex").toUpperCase()],
    ...[0, 1, 2].flatMap((offset) => encoded(bytes, offset)),
  ];
  return [...new Set(all)].filter((spelling) => spelling.length >= SHORTEST_SECRET).sort((a, b) => b.length - a.length);
}

/** In base64, what stays the same of a text whatever stands around it; `offset` is its place, modulo three bytes. */
function encoded(bytes: Buffer, offset: number): string[] {
  const standard = Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64");
  const whole = Math.floor(((offset + bytes.length) * 8) / 6);
  const inner = standard.slice(offset === 0 ? 0 : offset + 1, whole);
  return [inner, inner.replaceAll("+", "-").replaceAll("/", "_")];
}
