import { loadExeca } from "../toolchain/execa";
import { containerName } from "./sandbox-state";
import type { Project } from "./project";
import type { Pulumi } from "./pulumi";
import { pendingCreates, type PulumiState } from "./pulumi-state";

/** Clears up what a run that was killed has left on this machine, so that the next one can go on. */

/** Things of the sandbox that can't be made again while a half-made one has their name. */
const REMOVERS: Readonly<Record<string, readonly string[]>> = {
  "docker:index/container:Container": ["rm", "--force", "--volumes"],
  "docker:index/network:Network": ["network", "rm"],
};

/**
 * Forgets resources that were being made when Pulumi was killed, and removes what there may be of them where it would stand
 * in the way. Phases on a host need no more: they find what is done.
 */
export async function forgetHalfMade(
  pulumi: Pulumi,
  state: PulumiState,
  project: Project,
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  const creates = pendingCreates(state);
  if (creates.length === 0) return;
  const names = creates.map(({ name }) => name).join(", ");
  console.error(`The last run was killed while it made ${names}: made anew now.`);
  const execa = await loadExeca();
  for (const { type } of creates) {
    const remover = REMOVERS[type];
    if (!remover || !project.context.sandbox) continue;
    // It may not have come to be at all.
    await execa("docker", [...remover, containerName(project.context.sandbox.id)], {
      env: { ...environment },
      reject: false,
    });
  }
  await pulumi.forgetPendingOperations();
}
