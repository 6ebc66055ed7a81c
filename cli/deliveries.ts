import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { deliveriesFile } from "../plan/context";
import { decideDeliveries, type Deliveries } from "../plan/deliveries";
import type { Facts } from "../plan/facts";
import { undownloadable } from "../plan/preflight/servers";
import { copyUrn } from "../plan/urns";
import { ensureOfficialOllama } from "../toolchain/ensure";
import { writePrivate } from "../toolchain/private-files";
import { lineProgress } from "../toolchain/progress";
import { wantedOllama } from "./prepare";
import { PROJECT, PULUMI_PROJECT, readProject, type Project } from "./project";

/** What `up` has found out about the host and about Pulumi's state. */
interface Found {
  /** SHA-256 of the archives that the host has unpacked. */
  readonly held: readonly string[];
  /** URNs in Pulumi's state. */
  readonly known: ReadonlySet<string>;
  /** The host as it was just measured; undefined where nothing is to be done on it. */
  readonly facts: Facts | undefined;
}

/**
 * Decides what is sent to the host from this machine and what it downloads itself, fetches what has to be sent and is not
 * here, and writes the decision down for Pulumi's program.
 * @returns the project with what is here now
 * @throws ToolchainError where neither the host nor this machine can have it
 */
export async function settleDeliveries(
  project: Project,
  { held, known, facts }: Found,
): Promise<{ readonly project: Project; readonly deliveries: Deliveries }> {
  const { stack, plan, config } = project;
  const { deliveries, missing } = decideDeliveries(plan.artifacts, {
    // A sandbox may be made anew in this very run, and is sent everything.
    held: config.target.kind === "ssh" ? held : [],
    wasSent: (artifact) => known.has(copyUrn(PULUMI_PROJECT, stack, artifact)),
    isHere: (path) => existsSync(resolve(PROJECT, path)),
    reaches: (url) => facts === undefined || undownloadable(facts, url) === undefined,
  });
  for (const url of missing) {
    const why = facts && undownloadable(facts, url);
    console.error(
      `The host cannot download ${url}${why === undefined ? "" : ` (${why})`}: it is sent from this machine.`,
    );
  }
  if (missing.length > 0 && config.engine.kind === "ollama")
    await ensureOfficialOllama(
      wantedOllama(stack, config, config.engine),
      lineProgress((line) => console.error(line)),
    );
  writePrivate(join(PROJECT, deliveriesFile(stack)), `${JSON.stringify(deliveries)}\n`);
  return { project: missing.length > 0 ? readProject(stack) : project, deliveries };
}
