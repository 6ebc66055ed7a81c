import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { parseStackConfig } from "../../plan/config/parse";
import { readStackFile } from "../../plan/config/stack-file";
import { readPlanContext } from "../../plan/context";
import { makePlan } from "../../plan/plan";
import { smokeTarget } from "../../plan/smoke-target";
import type { Check } from "../../smoke/check";
import type { Verdict } from "../../smoke/report-json";
import { runSmoke } from "../../smoke/run";
import { GATE } from "../../smoke/sets";
import { smokeTargetSchema, type SmokeTarget } from "../../smoke/target";
import { Clone } from "./clone";

/** One thing spoiled on the host, in the words of `sabotage.sh`, and the checks that must tell. */
export interface Sabotage {
  readonly title: string;
  readonly spoil: string;
  /** Services that have to take notice when the files are put back. */
  readonly mend: readonly ("gateway" | "engine" | "firewall")[];
  readonly tells: Readonly<Record<string, RegExp>>;
  /** The gate set if not given. */
  readonly checks?: readonly Check[];
}

export const gateway = (title: string, spoil: string, tells: Sabotage["tells"]): Sabotage => ({
  ...{ title, tells },
  spoil: `${spoil}; restart_gateway`,
  mend: ["gateway"],
});

/** A sandbox of a clone that is deployed and green, to be spoiled by one thing at a time. */
export class DeployedSandbox {
  private constructor(
    readonly clone: Clone,
    readonly target: SmokeTarget,
  ) {}

  /** @param configuration changes to the stack file, by key */
  static async make(configuration: Readonly<Record<string, unknown>> = {}): Promise<DeployedSandbox> {
    const clone = await Clone.make();
    try {
      clone.configure(configuration);
      const up = await clone.run(["up"]);
      if (up.exitCode !== 0) throw new Error(up.output);
      const sandbox = new DeployedSandbox(clone, deployed(clone));
      const middleMan = readFileSync(join(__dirname, "../fixtures/middle-man.py"), "utf8");
      await clone.host().shell("cat >/var/lib/middle-man.py", middleMan);
      await sandbox.host("keep");
      return sandbox;
    } catch (error) {
      await clone.remove();
      throw error;
    }
  }

  /** Runs words of `sabotage.sh` on the host. */
  host(script: string): Promise<string> {
    const words = readFileSync(join(__dirname, "sabotage.sh"), "utf8");
    return this.clone.host().shell("exec bash -s", `${words}\n${script}\n`);
  }

  /** The checks that did not pass, by name; what one of them blocks is left out. */
  async told(wanted: readonly Check[] = GATE, asked = this.target): Promise<Record<string, string>> {
    const { checks } = await runSmoke(asked, { checks: wanted });
    const unsaid = (verdict: Verdict, by = "") =>
      verdict === "pass" ||
      (verdict === "blocked" && checks.some((check) => check.id === by && check.verdict === "fail"));
    return Object.fromEntries(
      checks
        .filter(({ verdict, blockedBy }) => !unsaid(verdict, blockedBy))
        .map(({ id, verdict, observed }) => [id, verdict === "fail" ? observed : `${verdict}: ${observed}`]),
    );
  }

  /** Spoils the host and expects exactly the checks that the sabotage belongs to to tell. */
  async expectTold({ spoil, tells, checks }: Sabotage): Promise<void> {
    await this.host(spoil);
    const expected = Object.entries(tells).map(([id, observed]) => [id, expect.stringMatching(observed) as string]);
    expect(await this.told(checks)).toEqual(Object.fromEntries(expected));
  }

  mend({ mend }: Pick<Sabotage, "mend">): Promise<string> {
    return this.host(`mend ${mend.join(" ")}`);
  }
}

/** What the smoke test is told about the clone's deployment, as its CLI tells it. */
function deployed(clone: Clone): SmokeTarget {
  const file = "Pulumi.dev.yaml";
  const config = parseStackConfig(readStackFile(clone.read(file), file), { stack: "dev", file });
  const context = readPlanContext(clone.folder, "dev", config);
  return smokeTargetSchema.parse({
    ...smokeTarget({
      config,
      context,
      plan: makePlan(config, context),
      keys: { tms: clone.read(".tms-llm", "dev", "tms.key").trim() },
      caCertificate: clone.read(".tms-llm", "dev", "ca.pem"),
    }),
    // Wide, since a busy machine is no sabotage; the silent middle-man is silent for longer than the first token may take.
    objectives: { health: 1, ttft: 3, total: 120 },
  });
}
