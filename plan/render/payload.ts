import { createHash } from "node:crypto";
import type { TarFileInput } from "nanotar";
import { gzipped } from "../gzipped-tar";
import { PHASES, type PhaseName, type PlannedFile, type Step } from "../step";
import { templateNames, templateText } from "./template-files";

/** What is sent to a host: a tar of the phase's steps with the library that runs them, as base64 text for stdin. */

/** Values of secrets by name, e.g. `client/tms/a`. */
export type SecretValues = Readonly<Record<string, string>>;

const SLOT = /\{\{secret(\??):([a-z0-9/-]+)\}\}/g;

/** Puts secret values into their slots; `{{secret?:NAME}}` may stay empty. Throws on any other that nobody delivers. */
export function fillSecrets(text: string, secrets: SecretValues): string {
  return text.replace(SLOT, (_, optional: string, name: string) => {
    const value = secrets[name] ?? (optional === "" ? undefined : "");
    if (value === undefined) throw new Error(`no value for the secret ${name}`);
    return value;
  });
}

// Bash has one quoting that knows no exceptions; a library would add forms, not safety.
export const shellQuoted = (value: string) => `'${value.replaceAll("'", `'\\''`)}'`;

function library(): Record<string, string> {
  return Object.fromEntries(templateNames("lib").map((name) => [`lib/${name}`, templateText(`lib/${name}`)]));
}

function stepFiles(step: Step, index: number): Record<string, string> {
  const folder = `steps/${String(index).padStart(2, "0")}-${step.name}`;
  const inputs = Object.entries(step.inputs).map(([key, value]) => `in_${key}=${shellQuoted(value)}\n`);
  const rows = step.files.map((file, number) => `${[file.path, file.owner, file.mode, number].join("\t")}\n`);
  const artifacts = step.artifacts.map(
    ({ name, sha256, source }) => `${[name, sha256, source.kind === "url" ? source.url : ""].join("\t")}\n`,
  );
  return {
    [`${folder}/title`]: step.title,
    [`${folder}/script.sh`]: templateText(`steps/${step.script}`),
    [`${folder}/inputs.sh`]: inputs.join(""),
    [`${folder}/files.tsv`]: rows.join(""),
    [`${folder}/artifacts.tsv`]: artifacts.join(""),
    ...Object.fromEntries(step.files.map((file, number) => [`${folder}/files/${number}`, file.text])),
  };
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/** Longer than any phase may take: the one at work is ended by its own limit. */
const WAIT_SECONDS = 3 * 3600;

/** How a phase runs. */
export interface PhaseSettings {
  readonly limitSeconds: number;
  /** Longest wait for another run on the host to end; default three hours. */
  readonly waitSeconds?: number;
  /** Variables of every command of the phase. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Everything of a phase but its secrets: path in the payload → text. */
function phaseFiles(phase: PhaseName, steps: readonly Step[], settings: PhaseSettings): Record<string, string> {
  const environment = Object.entries(settings.environment ?? {}).map(
    ([name, value]) => `export ${name}=${shellQuoted(value)}\n`,
  );
  return Object.assign(
    {
      phase,
      "time-limit": String(settings.limitSeconds),
      "wait-limit": String(settings.waitSeconds ?? WAIT_SECONDS),
      "all-phases": PHASES.join("\n"),
    },
    environment.length === 0 ? {} : { environment: environment.join("") },
    library(),
    ...steps.map(stepFiles),
  ) as Record<string, string>;
}

export interface PhasePayload {
  readonly phase: PhaseName;
  /** SHA-256 over the secret-free files and the generations of the secrets. */
  readonly digest: string;
  readonly files: Readonly<Record<string, string>>;
}

/** The payload of one phase, still without secrets. */
export function phasePayload(phase: PhaseName, steps: readonly Step[], settings: PhaseSettings): PhasePayload {
  const files = phaseFiles(phase, steps, settings);
  const generations = steps.flatMap((step) => step.secrets.map(({ name, generation }) => `${name}=${generation}`));
  return { phase, digest: sha256(JSON.stringify([files, generations])), files };
}

/** The digest that the host computes over its finished phases. */
export function planDigest(payloads: readonly PhasePayload[]): string {
  return sha256(payloads.map(({ phase, digest }) => `${phase} ${digest}\n`).join(""));
}

function archive(files: Readonly<Record<string, string>>): string {
  const entries: TarFileInput[] = Object.entries(files).map(([name, data]) => ({
    name,
    data,
    attrs: { mode: "600", mtime: 0, uid: 0, gid: 0, user: "root", group: "root" },
  }));
  return gzipped(entries).toString("base64");
}

/** The text for the loader's stdin. Contains the secrets: treat it as one. */
export function renderPayload(payload: PhasePayload, secrets: SecretValues): string {
  const files = Object.fromEntries(
    Object.entries(payload.files).map(([name, text]) => [
      name,
      name.startsWith("steps/") ? fillSecrets(text, secrets) : text,
    ]),
  );
  return archive({ ...files, "phase.sh": files["lib/phase.sh"]!, digest: payload.digest });
}

/** The anchor's payload: the remover, the name of the deployment that owns the host, and its stack, for people. */
export function renderAnchor(owner: string, stack: string): string {
  const lib = library();
  return archive({
    ...lib,
    "phase.sh": lib["lib/phase.sh"]!,
    "drift.sh": lib["lib/drift.sh"]!,
    phase: "removal",
    digest: owner,
    stack,
    "time-limit": "1800",
    "wait-limit": String(WAIT_SECONDS),
    "all-phases": "",
  });
}

/** A file of the plan by its parts, with the defaults for a root-owned public file. */
export function plannedFile(path: string, text: string, owner = "root:root", mode = "0644"): PlannedFile {
  return { path, text, owner, mode };
}
