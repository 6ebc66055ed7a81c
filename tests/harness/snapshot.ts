import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ContainerHost } from "./container-host";

/** The host snapshot: what a change on a host could show in, and the comparison of two of them. */

/** One fact: `value` says what is there, `moving` what changes by itself with a write or a start (mtime, PID, start time). */
interface Fact {
  readonly value: string;
  readonly moving: string;
}

/** Facts by kind and name. */
export type Snapshot = ReadonlyMap<string, Fact>;

/**
 * How much must be the same.
 * - `identical`: everything, mtimes, PIDs and start times too: nothing was done between the two.
 * - `reapplied`: as above, but phases have run and found nothing to do: our own records are as fresh as the last run.
 * - `equivalent`: the same state, whenever and on whichever fresh host it came to be.
 */
export type Strength = "identical" | "reapplied" | "equivalent";

interface Exception {
  /** Names of facts, `kind name`. */
  readonly pattern: RegExp;
  readonly reason: string;
}

/** Left out of every comparison. */
const LEFT_OUT: readonly Exception[] = [
  { pattern: /^path \/var\/lib\/systemd\/timers(\/|$)/, reason: "when systemd's timers last ran" },
  { pattern: /^path \/var\/lib\/systemd\/random-seed$/, reason: "written at shutdown" },
  { pattern: /^path \/var\/lib\/logrotate(\/status)?$/, reason: "when logs were last rotated" },
  { pattern: /^path \/var\/lib\/rpm\/rpmdb\.sqlite-(shm|wal)$/, reason: "written by whoever reads the database" },
  { pattern: /^path \/var\/lib\/NetworkManager(\/|$)/, reason: "its leases, and when each profile was last used" },
  { pattern: /^unit(-file)? tms-llm-phase\.service$/, reason: "the run itself" },
  { pattern: /^unit(-file)? tms-llm-health\.service$/, reason: "runs every minute" },
  {
    pattern: /^unit (systemd-(tmpfiles-clean|hostnamed|localed|timedated)|NetworkManager-dispatcher)\.service$/,
    reason: "starts and ends by itself",
  },
];

/** Freshened by every phase that runs; their content still counts. */
const RECORDS = /^(path \/var\/lib\/tms-llm(-incoming)?(\/|$)|ledger )/;

/** Left out where states are compared across time or hosts. */
const PASSING: readonly Exception[] = [
  { pattern: /^path \/etc\/(machine-id|hostname|hosts|resolv\.conf|ssh\/ssh_host_.*)$/, reason: "a host's identity" },
  { pattern: /^path \/var\/lib\/(dbus\/machine-id|systemd\/catalog\/database)$/, reason: "a host's identity" },
  { pattern: /^path \/etc\/(passwd|group|shadow|gshadow|subuid|subgid)-$/, reason: "backups by the account tools" },
  { pattern: /^path \/etc\/ld\.so\.cache$/, reason: "made from the libraries that are installed" },
  { pattern: /^path \/etc\/(\.pwd\.lock|shadow)$/, reason: "lock; accounts are facts of their own" },
  {
    pattern: /^path \/var\/lib\/(apt|dpkg|ucf|dnf|rpm)(\/|$)/,
    reason: "package state; packages are facts of their own",
  },
  { pattern: /^path \/opt\/llm\/(models\/(blobs|manifests)|cache\/\.ollama.*)$/, reason: "Ollama's own, kept as data" },
  { pattern: /^path \/var\/lib\/nginx\/\w+$/, reason: "scratch folders, made by nginx at its first start" },
  { pattern: /^path \/var\/lib\/tms-llm\/ledger$/, reason: "in the order of the changes; its lines are facts" },
  {
    pattern: /^(firewall ip6?tables nat DOCKER_\w+|socket (tcp|udp) 127\.0\.0\.11:\d+)$/,
    reason: "Docker's name server for a sandbox's network, on ports that it chooses at every start",
  },
  { pattern: /^path \/var\/lib\/tms-llm\/(runs?|spool)(\/|$)/, reason: "reports: what was changed, how long it took" },
];

/** Random by nature: made once per host. Type, owner and mode still count. */
const RANDOM_CONTENT =
  /^path (\/etc\/tms-llm\/tls\/(ca|server)\.(key|pem)|\/opt\/llm\/cache\/\.ollama\/id_ed25519(\.pub)?)$/;

/** A port of the engine's own worker process: another one at every load. */
const WORKER_SOCKET = /^socket tcp 127\.0\.0\.1:(3[2-9]|[45]\d|6[0-5])\d{3}$/;

const SCRIPT = readFileSync(join(__dirname, "snapshot.sh"), "utf8");

/** Looks at the host; changes nothing. */
export async function takeSnapshot(host: ContainerHost): Promise<Snapshot> {
  const facts = new Map<string, Fact>();
  for (const line of (await host.shell("bash -s", SCRIPT)).split("\n")) {
    const [kind, name, value, moving] = line.split("\t");
    if (moving === undefined) throw new Error(`no fact: ${line}`);
    facts.set(`${kind!} ${name!}`, { value: value!, moving });
  }
  return facts;
}

/** What differs, a line each: `path /etc/x: was …, is …`; empty where the two are as equal as `strength` demands. */
export function differences(before: Snapshot, after: Snapshot, strength: Strength): string[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names
    .filter((name) => counts(name, strength))
    .map((name) => ({ name, was: told(name, before.get(name), strength), is: told(name, after.get(name), strength) }))
    .filter(({ was, is }) => was !== is)
    .map(({ name, was, is }) => `${name}: was ${was}, is ${is}`);
}

/** Without our own records, which tell which phases have run. */
export function elsewhere(found: readonly string[]): string[] {
  return found.filter((line) => !RECORDS.test(line.slice(0, line.indexOf(": was "))));
}

function counts(name: string, strength: Strength): boolean {
  const patterns = strength === "identical" ? LEFT_OUT : strength === "reapplied" ? REAPPLIED : EQUIVALENT;
  return !patterns.some(({ pattern }) => pattern.test(name));
}

const REAPPLIED = [...LEFT_OUT, PASSING.at(-1)!];
const EQUIVALENT = [...LEFT_OUT, ...PASSING, { pattern: WORKER_SOCKET, reason: "see there" }];

function told(name: string, fact: Fact | undefined, strength: Strength): string {
  if (fact === undefined) return "absent";
  if (strength === "identical") return `${fact.value} ${fact.moving}`;
  if (strength === "reapplied") return RECORDS.test(name) ? fact.value : `${fact.value} ${fact.moving}`;
  return RANDOM_CONTENT.test(name) ? fact.value.replace(/\S+$/, "(random)") : fact.value;
}
