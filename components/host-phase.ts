import * as pulumi from "@pulumi/pulumi";
import type * as command from "@pulumi/command";
import { loaderText } from "../plan/render/loader";
import { renderPayload, type PhasePayload } from "../plan/render/payload";
import { stepResource, type Step } from "../plan/step";
import type { Host } from "./host";

export interface HostPhaseArgs {
  readonly host: Host;
  readonly payload: PhasePayload;
  readonly steps: readonly Step[];
  readonly secrets: Readonly<Record<string, pulumi.Output<string>>>;
  /** Phases that must be done before this one. */
  readonly after: readonly HostPhase[];
}

/** A step as it is planned: its inputs are what `pulumi preview --diff` shows, line by line and free of secrets. */
class PlannedStep extends pulumi.ComponentResource {
  constructor(step: Step, parent: pulumi.Resource) {
    super("tms-llm:host:Step", step.name, stepResource(step), { parent });
    this.registerOutputs();
  }
}

/** The steps of one phase, sent in one round trip. */
export class HostPhase extends pulumi.ComponentResource {
  readonly command: command.remote.Command;
  /** The phase's report: JSON lines. */
  readonly report: pulumi.Output<string>;

  constructor(name: string, args: HostPhaseArgs, options?: pulumi.ComponentResourceOptions) {
    super("tms-llm:host:Phase", name, {}, options);
    const { host, payload, steps } = args;
    for (const step of steps) new PlannedStep(step, this);
    // Two models may be made from one file.
    const artifacts = new Map(steps.flatMap((step) => step.artifacts).map((artifact) => [artifact.sha256, artifact]));
    const copies = [...artifacts.values()].flatMap((artifact) => host.deliver(artifact, this));
    const stdin = pulumi.all(args.secrets).apply((secrets) => renderPayload(payload, secrets));
    this.command = host.run(
      `phase-${payload.phase}`,
      (identity) => loaderText(payload.phase, payload.digest, identity),
      stdin,
      this,
      [...args.after.map((phase) => phase.command), ...copies],
    );
    this.report = this.command.stdout;
    this.registerOutputs();
  }
}

/** A public text that some phase hands back by name, e.g. the CA certificate; undefined where none did. */
export function phaseResult(reports: readonly string[], name: string): string | undefined {
  const lines = reports.flatMap((report) => report.split("\n")).filter((line) => line.startsWith("{"));
  const entries = lines.map((line) => JSON.parse(line) as { result?: string; text?: string });
  return entries.find((entry) => entry.result === name)?.text;
}
