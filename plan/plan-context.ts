import type { ArtifactIndex, Pins } from "./artifacts";
import type { HostFacts } from "./host-facts";
import type { SandboxSettings } from "./sandbox";

/** What the plan is made from besides the stack file: the machine's own, measured or chosen once. */
export interface PlanContext {
  /** Name of the stack, for messages. */
  readonly stack: string;
  /** The stack's facts file, where it has one. */
  readonly facts?: HostFacts;
  readonly artifacts: ArtifactIndex;
  /** Checksums of releases for which the catalogue has none; default none. */
  readonly pins?: Pins;
  /** Debian's word for the host's architecture: `amd64` or `arm64`. */
  readonly architecture: string;
  /** PEM chain of the gateway, when the stack file gives one. */
  readonly certificate?: string;
  /** Present when the target is a sandbox. */
  readonly sandbox?: SandboxSettings;
}

/** What is enough to say what a plan would ask of its host. */
export type RequirementContext = Pick<PlanContext, "stack" | "facts" | "architecture"> &
  Partial<Pick<PlanContext, "artifacts">>;
