/**
 * The short constant text that a phase's Command runs. It is what an error shows, so it carries no data: the payload
 * comes through stdin. `host` is the identity of the machine: a new container is an empty host.
 */
export function loaderText(phase: string, digest: string, host: string, verb: "submit" | "anchor" = "submit"): string {
  return [
    `# tms-llm ${phase} ${digest.slice(0, 12)} on ${host}`,
    `as=; [ "$(id -u)" = 0 ] || as="sudo -n"`,
    `$as true 2>/dev/null || { echo "needs root or passwordless sudo; way out: allow the SSH user sudo without a password, or use root" >&2; exit 77; }`,
    `exec $as bash -c 'set -euo pipefail; umask 077; cd /; mkdir -p /var/lib/tms-llm/spool; find /var/lib/tms-llm/spool -mindepth 1 -maxdepth 1 -mmin +120 -exec rm -rf {} +; d=$(mktemp -d /var/lib/tms-llm/spool/XXXXXX); base64 -d | tar -xzf - -C "$d"; exec bash "$d/phase.sh" ${verb}'`,
  ].join("\n");
}

/** Undoes the host's whole ledger; nothing to do where the anchor never came to be. */
export const REMOVAL_TEXT = [
  `as=; [ "$(id -u)" = 0 ] || as="sudo -n"`,
  `exec $as bash -c 'set -eu; cd /; [ -e /var/lib/tms-llm/remover/phase.sh ] || exit 0; exec bash /var/lib/tms-llm/remover/phase.sh submit-removal'`,
].join("\n");

/** Runs every phase's checks: one JSON line per difference; the first line says what is deployed. */
export const DRIFT_TEXT = [
  `as=; [ "$(id -u)" = 0 ] || as="sudo -n"`,
  `exec $as bash -c 'cd /var/lib/tms-llm 2>/dev/null || { echo "{\\"deployed\\":false}"; exit 0; }; printf "{\\"deployed\\":true,\\"digest\\":\\"%s\\"}\\n" "$(cat digest 2>/dev/null)"; for p in phases/*/; do [ -e "$p/phase" ] || continue; bash "$p/phase.sh" check || printf "{\\"phase\\":\\"%s\\",\\"what\\":\\"check\\",\\"expected\\":\\"runs\\",\\"found\\":\\"failed\\"}\\n" "$(basename "$p")"; done'`,
].join("\n");

/** Reads the preflight script from stdin and runs it as root, leaving nothing behind. */
export const PREFLIGHT_TEXT = [
  `as=; [ "$(id -u)" = 0 ] || as="sudo -n"`,
  `$as true 2>/dev/null || { echo "needs root or passwordless sudo; way out: allow the SSH user sudo without a password, or use root" >&2; exit 77; }`,
  `exec $as bash -s`,
].join("\n");
