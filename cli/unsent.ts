import { join } from "node:path";
import { unsentFile } from "../plan/context";
import { copyUrn } from "../plan/urns";
import { writePrivate } from "../toolchain/private-files";
import { PROJECT, type Project } from "./project";

/**
 * Writes down what Pulumi's program does not have to send. Pulumi forgets that it has sent an archive when the plan names
 * another; the host keeps two releases. A sandbox may be made anew in this very run, and is sent everything.
 *
 * @param held SHA-256 of the archives that the host has unpacked
 * @param known URNs in Pulumi's state
 */
export function recordUnsent(
  { stack, plan, config }: Project,
  projectName: string,
  held: readonly string[],
  known: ReadonlySet<string>,
): void {
  const unsent = plan.artifacts.filter(
    (artifact) => held.includes(artifact.sha256) && !known.has(copyUrn(projectName, stack, artifact)),
  );
  const checksums = config.target.kind === "ssh" ? unsent.map(({ sha256 }) => sha256) : [];
  writePrivate(join(PROJECT, unsentFile(stack)), `${JSON.stringify(checksums)}\n`);
}
