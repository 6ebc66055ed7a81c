import type { Refusal } from "../preflight/refusal";

/** What the rules judge: the resources of a deployment as plain data, whether they come from a plan or from Pulumi's engine. */

/** A step as it stands in Pulumi's resources; secrets are named, not shown. */
export interface JudgedStep {
  readonly kind: "step";
  readonly name: string;
  readonly inputs: Readonly<Record<string, string>>;
  /** Path on the host → what stands there. */
  readonly files: Readonly<Record<string, { readonly text: string }>>;
  /** By the name that the step's script uses. */
  readonly artifacts: Readonly<Record<string, { readonly sha256: string; readonly url?: string }>>;
  readonly terms: Readonly<Record<string, string>>;
}

/** A way to a host. */
export interface JudgedConnection {
  readonly kind: "connection";
  readonly name: string;
  readonly host: string;
  /** Public host key; without one any machine in the host's place is believed. */
  readonly hostKey?: string;
}

/** A key that is made at random. */
export interface JudgedKey {
  readonly kind: "key";
  readonly name: string;
  /** Characters. */
  readonly length: number;
  /** How many different characters there may be. */
  readonly alphabet: number;
}

/** A container on the machine that deploys. */
export interface JudgedContainer {
  readonly kind: "container";
  readonly name: string;
  readonly image: string;
  readonly ports: readonly PublishedPort[];
}

export interface PublishedPort {
  /** Port inside the container. */
  readonly internal: number;
  readonly external: number;
  /** Address of this machine; without one it is all of them. */
  readonly ip?: string;
}

export type JudgedResource = JudgedStep | JudgedConnection | JudgedKey | JudgedContainer;

/** What is wrong with a resource, without the rule's own words. */
export type Finding = Pick<Refusal, "what" | "found" | "needed" | "wayOut">;

export interface Rule {
  /** Kebab case, stable: Pulumi's reports, tests and readers name a rule by it. */
  readonly id: string;
  /** One sentence: what has to be so. */
  readonly demand: string;
  /** Where it does not hold, and what lifts it; for people. */
  readonly exception: string;
  readonly judge: (resource: JudgedResource) => readonly Finding[];
}

/** A rule that a resource breaks; its `id` is the rule's. */
export interface Violation extends Refusal {
  /** Kind and name of the resource: `step gateway`. */
  readonly resource: string;
}
