/** The short constant texts that run on a host. They are what an error shows, so they carry no data. */

/** Exit code of every text here where the user may not become root. */
export const NO_ROOT = 77;

const AS_ROOT = [
  `as=; [ "$(id -u)" = 0 ] || as="sudo -n"`,
  `$as true 2>/dev/null || { echo "needs root or passwordless sudo; way out: allow the SSH user sudo without a password, or use root" >&2; exit ${NO_ROOT}; }`,
].join("\n");

/** Runs one command as root, whoever logs in; its words are quoted already. */
export const asRoot = (command: string) => `${AS_ROOT}\nexec $as ${command}`;

const scriptAsRoot = (script: string) => asRoot(`bash -c '${script}'`);

/**
 * Unpacks the payload from stdin and hands over to it. `host` is the identity of the machine: a new container is an
 * empty host, so another identity must run the phase again.
 */
export function loaderText(phase: string, digest: string, host: string, verb: "submit" | "anchor" = "submit"): string {
  const script = [
    "set -euo pipefail; umask 077; cd /",
    "spool=/var/lib/tms-llm/spool; mkdir -p $spool",
    "find $spool -mindepth 1 -maxdepth 1 -mmin +1440 -exec rm -rf {} +",
    "d=$(mktemp -d $spool/XXXXXX); base64 -d | tar -xzf - -C $d",
    `exec bash $d/phase.sh ${verb}`,
  ].join("; ");
  return `# tms-llm ${phase} ${digest.slice(0, 12)} on ${host}\n${scriptAsRoot(script)}`;
}

/**
 * Undoes the host's whole ledger; nothing to do where the anchor never came to be. An anchor that was killed while it
 * renewed the remover may have left the old one alone.
 */
export const REMOVAL_TEXT = scriptAsRoot(
  [
    "set -eu; cd /; s=/var/lib/tms-llm",
    "for r in $s/remover $s/remover.old; do [ ! -e $r/phase.sh ] || exec bash $r/phase.sh submit-removal; done",
    '[ ! -s $s/ledger ] || { echo "$s/ledger lists what to take back, and the remover is gone; way out: run up, which brings it back, then destroy" >&2; exit 1; }',
  ].join("\n"),
);

/** Says what {@link REMOVAL_TEXT} is to take: Pulumi runs it with the inputs of the last deployment, so the wish is a mark on the host. */
export const markPurgeText = (purge: boolean) =>
  scriptAsRoot(`s=/var/lib/tms-llm; [ ! -d $s ] || ${purge ? "touch" : "rm -f"} $s/purge`);

/** The name that every phase has as a systemd unit; one at a time. */
const PHASE_RUNS = "u=tms-llm-phase.service; runs() { systemctl is-active --quiet $u; }";

/** What {@link DRIFT_TEXT} runs as root. */
export const DRIFT_SCRIPT = [
  PHASE_RUNS,
  'if runs; then echo "{\\"running\\":\\"$(systemctl show --value --property=Description $u)\\"}"; exit 0; fi',
  "s=/var/lib/tms-llm; if [ -e $s/remover/drift.sh ]; then exec bash $s/remover/drift.sh; else echo {}; fi",
].join("; ");

/**
 * Runs the checks that the phases left on the host: JSON lines, what is deployed first, then every difference. While a phase
 * is at work there is nothing to compare: then one line names it.
 */
export const DRIFT_TEXT = scriptAsRoot(DRIFT_SCRIPT);

/** Ends when no phase is at work on the host any more. */
export const WAIT_TEXT = scriptAsRoot(`${PHASE_RUNS}; while runs; do sleep 0.2; done`);

/** In the host's memory, so a reboot takes it away; left by the step that installs a driver. */
const REBOOT_MARKER = "/run/tms-llm-reboot-wanted";

/** Says `wanted` where a driver that was installed has to be loaded by a reboot. */
export const REBOOT_ASKED_TEXT = scriptAsRoot(`if [ -e ${REBOOT_MARKER} ]; then echo wanted; else echo no; fi`);

/** Reboots the host where that is wanted. */
export const REBOOT_TEXT = scriptAsRoot(`if [ -e ${REBOOT_MARKER} ]; then echo wanted; systemctl reboot; fi`);

/** Asks the script that sets the host's fixed address; prints `{}` where none was ever laid out. Arguments are plain words. */
export function addressText(...words: readonly string[]): string {
  const asked = plain(words).join(" ");
  return scriptAsRoot(
    `a=/var/lib/tms-llm/address/switch.sh; if [ -e $a ]; then exec bash $a ${asked}; else echo {}; fi`,
  );
}

/** Reads a script from stdin and runs it, leaving nothing behind. Arguments are plain words. */
export function scriptText(...words: readonly string[]): string {
  return asRoot(["bash -s", ...plain(words)].join(" "));
}

function plain(words: readonly string[]): readonly string[] {
  const odd = words.find((word) => !/^[\w/-]+$/.test(word));
  if (odd !== undefined) throw new Error(`not a plain word: ${odd}`);
  return words;
}

export const PREFLIGHT_TEXT = scriptText();
