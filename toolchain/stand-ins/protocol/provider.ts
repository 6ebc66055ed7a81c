import type { Fields } from "./inputs";
import type { Properties } from "./values";

/** A stand-in for one official provider plugin. */
export interface Provider {
  /** Package name: `command` for `pulumi-resource-command`. */
  readonly name: string;
  /** Version of the official plugin whose types, inputs and state this one keeps. */
  readonly version: string;
  readonly types: Readonly<Record<string, ResourceType>>;
  /** Takes the provider's own configuration, once, before any resource. */
  configure?(settings: Properties): void;
}

/** What is known about the resource that a call is for. */
export interface CallContext {
  readonly urn: string;
  /** The resource's name in the program. */
  readonly name: string;
  /** Aborted when the user interrupts the run or the engine goes away. */
  readonly signal: AbortSignal;
  /** Shows a passing status line beside the resource. */
  report(line: string): void;
}

export interface Checked {
  readonly inputs: Properties;
  /** Complete sentences without values; empty when all is well. */
  readonly faults: readonly string[];
}

/** A resource's identity and what its state holds. */
export interface Made {
  readonly id: string;
  readonly outputs: Properties;
}

/**
 * One resource type. Properties come as they travel: secrets wrapped, unknowns as reserved strings. What a method
 * returns must keep the wrappers of the inputs that it repeats.
 */
export interface ResourceType {
  readonly fields: Fields;
  /** Which changed inputs need a new resource instead of an update; `all` when nothing can be updated. */
  readonly replacedBy: "all" | readonly string[];
  /** Whether the old one must go before the new one can be made. */
  readonly deleteBeforeReplace?: boolean;
  /** Normalises inputs that passed the table check, and checks what a table cannot say. */
  check?(inputs: Properties, before: Properties | undefined, context: CallContext): Checked;
  /** Outputs that a preview can promise. */
  plan(inputs: Properties): Properties;
  create(inputs: Properties, context: CallContext): Made | Promise<Made>;
  /** Left out where every change replaces. */
  update?(inputs: Properties, before: Properties, context: CallContext): Properties | Promise<Properties>;
  /** The present state, or undefined when the resource is gone; left out where nothing can be read back. */
  read?(id: string, inputs: Properties, state: Properties, context: CallContext): Promise<Properties | undefined>;
  delete?(id: string, state: Properties, context: CallContext): Promise<void>;
}
