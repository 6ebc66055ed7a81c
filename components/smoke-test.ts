import { join } from "node:path";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";

export interface SmokeTestArgs {
  /** What is tested, as the smoke CLI reads it; holds keys, so it is secret. */
  readonly target: pulumi.Input<unknown>;
  /** Ids and digests that, when they move, call for a new proof. */
  readonly triggers: readonly pulumi.Input<unknown>[];
  readonly after: readonly pulumi.Resource[];
}

/** Proves the endpoint from outside; the update fails when the proof does. */
export class SmokeTest extends pulumi.ComponentResource {
  /** The report as JSON text. */
  readonly report: pulumi.Output<string>;

  constructor(name: string, args: SmokeTestArgs, options?: pulumi.ComponentResourceOptions) {
    super("tms-llm:smoke:SmokeTest", name, {}, options);
    const run = new command.local.Command(
      `${name}-run`,
      {
        create: "node --import tsx smoke/main.ts",
        dir: join(__dirname, ".."),
        stdin: pulumi.secret(pulumi.jsonStringify(args.target)),
        triggers: [...args.triggers],
        logging: command.local.Logging.None,
        addPreviousOutputInEnv: false,
      },
      { parent: this, dependsOn: [...args.after] },
    );
    this.report = run.stdout;
    this.registerOutputs();
  }
}
