import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { ConfigurationFaults } from "../plan/config/faults";
import { rolledBack } from "../plan/config/stack-file-rollback";
import { STATE_FOLDER } from "../plan/context";
import { writePrivate } from "../toolchain/private-files";
import { PROJECT, type Project } from "./project";

/** The stack files of the last two successful deployments, newest first. They hold no secret. */

const deploymentSchema = z.strictObject({
  /** Text of the stack file. */
  stackFile: z.string(),
  /** Digest of the plan that was made of it. */
  digest: z.string(),
  at: z.iso.datetime(),
});
const historySchema = z.strictObject({
  schema: z.literal("tms-llm/deployed/v1"),
  deployments: z.array(deploymentSchema).max(2),
});

export type Deployment = z.output<typeof deploymentSchema>;

const historyFile = (stack: string) => join(PROJECT, STATE_FOLDER, stack, "deployed.json");

export function deployments(stack: string): readonly Deployment[] {
  const file = historyFile(stack);
  return existsSync(file) ? historySchema.parse(JSON.parse(readFileSync(file, "utf8"))).deployments : [];
}

/** Keeps what was deployed. Deployments that differ in their clients alone count as one: keys don't roll back. */
export function recordDeployment({ stack, plan }: Project, stackFile: string): void {
  const others = deployments(stack).filter((former) => !sameButForClients(stack, stackFile, former.stackFile));
  const newest: Deployment = { stackFile, digest: plan.digest, at: new Date().toISOString() };
  const history = { schema: "tms-llm/deployed/v1", deployments: [newest, ...others].slice(0, 2) };
  writePrivate(historyFile(stack), `${JSON.stringify(history, null, 2)}\n`);
}

function sameButForClients(stack: string, present: string, former: string): boolean {
  try {
    return rolledBack(present, former, { stack, file: `Pulumi.${stack}.yaml` }) === present;
  } catch (error) {
    // Written for an earlier version of this project; a rollback to it says so.
    if (error instanceof ConfigurationFaults) return false;
    throw error;
  }
}
