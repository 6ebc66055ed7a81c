/** The unit of work on a host: data only. `render/payload.ts` turns steps into what is sent, `templates/steps/` acts. */

/** Phases in the order in which they run; each is one round trip to the host. */
export const PHASES = ["base", "access", "engine", "model", "gateway"] as const;
export type PhaseName = (typeof PHASES)[number];

/** The unit of each engine. */
export const ENGINE_UNIT = {
  ollama: "tms-ollama.service",
  vllm: "llm-vllm.service",
  transformers: "llm-transformers.service",
} as const;

/** A file on the host. `text` may hold `{{secret:NAME}}` slots that only the host component fills. */
export interface PlannedFile {
  readonly path: string;
  readonly text: string;
  /** `user:group`, by name; default `root:root`. */
  readonly owner: string;
  /** Octal, four digits, e.g. `0644`. */
  readonly mode: string;
}

/** A binary that must lie on the host; delivered by CopyToRemote to `incoming/<sha256>`, never through state. */
export interface PlannedArtifact {
  readonly name: string;
  readonly sha256: string;
  readonly source: ArtifactSource;
}

/**
 * Where an artifact comes from: a file of this machine, which is sent; or a URL, from which the host downloads it by itself.
 * With `orSent` a host that does not reach the URL is sent the file from this machine instead, whose place is known once it
 * is here.
 */
export type ArtifactSource =
  | { readonly kind: "local"; readonly path: string }
  | { readonly kind: "url"; readonly url: string; readonly orSent?: { readonly path?: string } };

/** A secret by name; the generation moves when the value is made anew, so it takes part in the digest. */
export interface SecretReference {
  readonly name: string;
  readonly generation: number;
}

/** One idempotent script with the verbs `check`, `apply` and `remove`. */
export interface Step {
  /** Unique over the plan, kebab case; also the owner's name in the host's ledger. */
  readonly name: string;
  readonly phase: PhaseName;
  /** One line for people: what stands on the host when the step is done. */
  readonly title: string;
  /** File in `templates/steps/`. */
  readonly script: string;
  /** Plain values that the script reads as `$in_<key>`; lists are joined by newlines. A secret only as its slot. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly files: readonly PlannedFile[];
  readonly artifacts: readonly PlannedArtifact[];
  readonly secrets: readonly SecretReference[];
  /** What policies judge the step by and the host is not told: target, licence, consents. */
  readonly terms?: Readonly<Record<string, string>>;
}

/** A step as it stands in Pulumi's resources, where a preview shows it line by line and policies judge it. */
export function stepResource(step: Step) {
  const { title, inputs, files, artifacts, secrets, terms = {} } = step;
  return {
    title,
    inputs: { ...inputs },
    files: Object.fromEntries(files.map(({ path, owner, mode, text }) => [path, { owner, mode, text }])),
    artifacts: Object.fromEntries(
      artifacts.map(({ name, sha256, source }) => [
        name,
        { sha256, ...(source.kind === "url" ? { url: source.url } : {}) },
      ]),
    ),
    secrets: Object.fromEntries(secrets.map(({ name, generation }) => [name, generation])),
    terms: { ...terms },
  };
}
