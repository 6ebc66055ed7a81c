import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { StackConfig } from "../plan/config/schema";
import { readFacts } from "../plan/context";
import { parseFacts, type Facts } from "../plan/facts";
import {
  factsDifferences,
  factsFile,
  FaultyFactsFile,
  hostFacts,
  renderFactsFile,
  type HostFacts,
} from "../plan/host-facts";
import { planRequirements } from "../plan/plan";
import { judgePreflight, refusalText, type Requirements } from "../plan/preflight";
import type { WayOut } from "../plan/servers";
import { NO_ROOT, PREFLIGHT_TEXT } from "../plan/render/loader";
import { preflightScript } from "../plan/render/preflight-script";
import { needsSystem } from "../plan/driver";
import { needsLock } from "../plan/engines/python-lock";
import { usesAuto } from "../plan/sizing/resolve";
import { CommandFailure, EXIT, type ExitCode } from "./failure";
import { hostAddress, PROJECT, readConfig, readHost } from "./project";
import { noRoot } from "./root-rights";
import { runOverSsh } from "./ssh";

type Reached = ReturnType<typeof readHost>;

/** Asks the host in one round trip, and where a way out is given, each server of it; changes nothing. @throws SshError, CommandFailure */
export async function measureFacts(reached: Reached, wayOut?: WayOut): Promise<Facts> {
  const result = await runOverSsh(hostAddress(reached), PREFLIGHT_TEXT, { stdin: preflightScript(wayOut) });
  if (result.code === NO_ROOT) throw noRoot(reached.config);
  if (result.code !== 0)
    throw new CommandFailure(
      `The host could not be measured: ${result.stderr.trim() || `exit code ${result.code}`}.`,
      "see that bash and coreutils are on the host, then run the command again",
      EXIT.internal,
    );
  return parseFacts(result.stdout);
}

/** Writes the stack's facts file and says what is new in it. */
function record(stack: string, facts: HostFacts): void {
  const path = join(PROJECT, factsFile(stack));
  const text = renderFactsFile(facts, stack);
  const before = existsSync(path) ? readFileSync(path, "utf8") : undefined;
  if (before === text) {
    console.error(`${factsFile(stack)} is as the host is.`);
    return;
  }
  const known = before === undefined ? undefined : readKnown(stack);
  writeFileSync(path, text);
  const changes = known ? factsDifferences(known, facts).map((line) => `  ${line}`) : [];
  console.error([`${factsFile(stack)} written: review and commit it.`, ...changes].join("\n"));
}

/** A file that cannot be read any more is written anew. */
function readKnown(stack: string): HostFacts | undefined {
  try {
    return readFacts(PROJECT, stack);
  } catch (error) {
    if (error instanceof FaultyFactsFile) return undefined;
    throw error;
  }
}

/** Measures the host where the plan depends on what it is, and the stack has no facts file yet. */
export async function ensureFacts(stack: string, config: StackConfig): Promise<void> {
  const wanted = usesAuto(config)
    ? "Something is left on auto"
    : needsSystem(config)
      ? "What the GPU gets depends on the system"
      : needsLock(config.engine) && "Which packages the engine takes depends on the host";
  if (config.target.kind === "sandbox" || !wanted || existsSync(join(PROJECT, factsFile(stack)))) return;
  console.error(`${wanted}: measuring ${config.target.host} for ${factsFile(stack)}.`);
  record(stack, hostFacts(await measureFacts(readHost(stack, config)), config.existing));
}

/** What the plan asks of the host as it is now; nothing that the toolchain prepares is needed to say it. */
export function demands(stack: string, config: StackConfig, measured: Facts): Requirements {
  const known = config.target.kind === "sandbox" ? {} : { facts: hostFacts(measured, config.existing) };
  return planRequirements(config, { stack, architecture: measured.architecture, ...known });
}

/**
 * Measures the host, prints what was found as JSON, writes the stack's facts file, and says whether the host would be
 * admitted. A sandbox has no facts file: it is what the stack file says it is.
 */
export async function facts(stack: string): Promise<ExitCode> {
  const config = readConfig(stack);
  const measured = await measureFacts(readHost(stack, config));
  console.log(JSON.stringify(measured, null, 2));
  if (config.target.kind !== "sandbox") record(stack, hostFacts(measured, config.existing));
  const wanted = demands(stack, config, measured);
  // Which servers the plan needs is known only now.
  const asked = wanted.wayOut ? await measureFacts(readHost(stack, config), wanted.wayOut) : measured;
  const { refusals, warnings } = judgePreflight(asked, wanted);
  if (warnings.length > 0) console.error(refusalText([], warnings));
  if (refusals.length > 0) console.error(refusalText(refusals));
  return refusals.length > 0 ? EXIT.failed : EXIT.good;
}
