import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { StackConfig } from "../plan/config/schema";
import type { Plan } from "../plan/plan";
import type { PlanContext } from "../plan/plan-context";
import { smokeTarget } from "../plan/smoke-target";
import type { HostPhase } from "./host-phase";

export interface SmokeTestArgs {
  readonly config: StackConfig;
  readonly context: PlanContext;
  readonly plan: Plan;
  /** Client name → its key. */
  readonly keys: pulumi.Output<Record<string, string>>;
  readonly caCertificate: pulumi.Output<string | undefined>;
  readonly after: readonly HostPhase[];
}

/** Proves the endpoint from outside; the update fails when the proof does. */
export class SmokeTest extends pulumi.ComponentResource {
  /** The table of checks, as people read it. */
  readonly report: pulumi.Output<string>;

  constructor(name: string, args: SmokeTestArgs, options?: pulumi.ComponentResourceOptions) {
    super("tms-llm:smoke:SmokeTest", name, {}, options);
    const { config, context, plan, after } = args;
    const target = pulumi
      .all([args.keys, args.caCertificate])
      .apply(([keys, caCertificate]) => JSON.stringify(smokeTarget({ config, context, plan, keys, caCertificate })));
    const run = new command.local.Command(
      `${name}-run`,
      {
        create: "node --import tsx smoke/main.ts",
        stdin: pulumi.secret(target),
        // Runs again when the plan moved or a phase ran; an unchanged stack is not tested again.
        triggers: [plan.digest, ...after.map((phase) => phase.command.id)],
        logging: command.local.Logging.None,
        addPreviousOutputInEnv: false,
      },
      { parent: this, dependsOn: after.map((phase) => phase.command) },
    );
    this.report = run.stdout;
    this.registerOutputs();
  }
}
