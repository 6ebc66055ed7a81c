import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { ConfigurationFaults } from "../plan/config/faults";
import { parseStackConfig } from "../plan/config/parse";
import { readStackFile } from "../plan/config/stack-file";
import { readFacts } from "../plan/context";
import { FaultyFactsFile } from "../plan/host-facts";
import { planForReview, type PlannedStack, refusedForReview } from "../plan/review/planned-stack";
import { PlanRefused } from "../plan/preflight/refusal";

/**
 * A program of its own, `tsx cli/planned-stacks.ts [FOLDER]`: prints as JSON what the stack files of a checkout come to. A
 * review runs it in the checkout of the merge base, with that checkout's own code.
 */

function plannedStack(folder: string, file: string): PlannedStack {
  const stack = /^Pulumi\.(.+)\.yaml$/.exec(file)![1]!;
  try {
    const config = parseStackConfig(readStackFile(readFileSync(join(folder, file), "utf8"), file), { stack, file });
    return planForReview(stack, config, readFacts(folder, stack));
  } catch (error) {
    if (error instanceof ConfigurationFaults || error instanceof PlanRefused || error instanceof FaultyFactsFile) {
      return refusedForReview(stack, error.message);
    }
    throw error;
  }
}

const folder = resolve(process.argv[2] ?? join(__dirname, ".."));
const files = existsSync(folder) ? readdirSync(folder).filter((name) => /^Pulumi\..+\.yaml$/.test(name)) : [];
const stacks = files.sort().map((file) => plannedStack(folder, file));
console.log(JSON.stringify({ schema: "tms-llm/planned-stacks/v1", stacks }));
