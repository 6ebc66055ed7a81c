/** Secrets that nobody told of, by their shape. */

const HIDDEN = "[secret]";

/** Pattern, and what stands in the place of what it finds; the first group is kept, and so is the last where there are two. */
const SHAPES: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  // Line feeds may be escaped, as in JSON. One that was cut off has no end.
  [
    /-----BEGIN [A-Z ]*PRIVATE KEY-----(?:(?!-----BEGIN)[A-Za-z0-9+/=\s:,-]|\\[nr])*?(?:-----END [A-Z ]*PRIVATE KEY-----|(?=-----BEGIN)|$)/g,
    HIDDEN,
  ],
  [/\b(Bearer\s+)(?!\[)[\w.~+/=-]{6,}/gi, `$1${HIDDEN}`],
  // Not a word that follows "basic".
  [/\b(Basic\s+)(?=\S*[\d=])[A-Za-z0-9+/]{6,}={0,2}/gi, `$1${HIDDEN}`],
  [/\b(?:sk|hf|ghp|gho|ghs|glpat|github_pat|xox[abps]|pul|nvapi|AGE-SECRET-KEY)[-_][\w-]{10,}/g, HIDDEN],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, HIDDEN],
  [/\beyJ[\w-]{8,300}\.[\w-]{8,}(?:\.[\w-]*)?/g, HIDDEN],
  [/(\b[a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/@"'[\]]+@/gi, `$1${HIDDEN}@`],
  [/(\$(?:2[aby]|1|5|6|y)\$)[\w./$]{8,}/g, `$1${HIDDEN}`],
  // A query may hold what its sender regards as secret.
  [/(["'\s](?:(?:GET|POST|PUT|PATCH|HEAD|DELETE|OPTIONS) )?\/[^\s"'?]*\?)[^\s"'[]+/g, `$1${HIDDEN}`],
  [/(:\/\/(?:(?!:\/\/)[^\s"'?])*\?)[^\s"'[]+/g, `$1${HIDDEN}`],
  [
    /((?<![\w-])--[\w-]*(?:api-key|token|password|passphrase|secret)[ =])(?!["']?\[)(?:"[^"\n]+"|'[^'\n]+'|["']?[^\s"']+)/gi,
    `$1${HIDDEN}`,
  ],
  // A quoted one may have spaces in it.
  [
    /((?:api[-_]?key|apikey|access[-_]?key|private[-_]?key|_key|token|secret|(?<!random)password|passwd|passphrase)["']?\s*[=:]\s*(?=(["']))\2)(?=[^"'\n]* )[^"'\n[]{4,}(?=\2)/gi,
    `$1${HIDDEN}`,
  ],
  // Not max_tokens, the number of a token, or the path of a file.
  [
    /((?:api[-_]?key|apikey|access[-_]?key|private[-_]?key|_key|token|secret|(?<!random)password|passwd|passphrase|authorization|credential)["']?\s*[=:]\s*["']?)(?!\[|(?:\d+(?:\.\d+)?|true|false|null|none|off|on|yes|no|as is)?(?:[\s"',;}]|$)|~?\.{0,2}\/|[\w.-]+\.(?:key|pem)\b|(?:Bearer|Basic)\s)[^\s"',;}\\]{4,}/gi,
    `$1${HIDDEN}`,
  ],
];

/** Letters and digits at random: no name or word changes so often between small, capital and digit. */
const WORDS = /(?<!SHA256:)(?<![\w+/])[\w+/-]{24,}={0,2}/g;
const SHORTEST_RUN = 14;
const CHANGES = 0.35;
/** Public keys of SSH, which name a machine and open nothing; C++'s own names. */
const HARMLESS = /^(?:AAAA(?:B3Nza|C3Nza|E2Vj|G)|_Z)/;

function random(word: string): boolean {
  if (HARMLESS.test(word)) return false;
  return word.split(/[^A-Za-z0-9]/).some((run) => {
    if (run.length < SHORTEST_RUN || ![/[a-z]/, /[A-Z]/, /\d/].every((kind) => kind.test(run))) return false;
    const kinds = Array.from(run, (sign) => (/\d/.test(sign) ? 0 : /[a-z]/.test(sign) ? 1 : 2));
    const changes = kinds.filter((kind, at) => at > 0 && kind !== kinds[at - 1]).length;
    return changes / run.length >= CHANGES;
  });
}

/** The text without what looks like a secret. @param count is told of each */
export function withoutShapes(text: string, count: () => void): string {
  let left = text;
  for (const [pattern, replacement] of SHAPES)
    left = left.replace(pattern, (found: string, ...groups: unknown[]) => {
      if (found.includes(HIDDEN)) return found;
      count();
      return replacement.replace("$1", typeof groups[0] === "string" ? groups[0] : "");
    });
  return left.replace(WORDS, (word) => {
    if (!random(word)) return word;
    count();
    return HIDDEN;
  });
}
