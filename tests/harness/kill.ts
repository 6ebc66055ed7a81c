import type { PhaseName, Step } from "../../plan/step";
import { REMOVAL_TEXT } from "../../plan/render/loader";
import type { BareHost } from "./bare-host";
import type { Said } from "./container-host";
import { submitPhase } from "./deployment";

/** Killing a phase in the middle, at moments that a seed makes repeatable. */

/** Numbers in [0, 1) that a seed decides (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** From `TMS_LLM_SEED`, else a new one; whoever uses it prints it. */
export function chosenSeed(): number {
  return Number(process.env["TMS_LLM_SEED"] ?? Date.now() % 1_000_000);
}

// The wait for the unit is on the host, so that the moment does not depend on how long a round trip takes.
const killScript = (milliseconds: number) => `
  until systemctl is-active --quiet tms-llm-phase.service; do [ -e /run/no-kill ] && exit 0; done
  sleep ${(milliseconds / 1000).toFixed(3)}
  systemctl kill --kill-who=all --signal=KILL tms-llm-phase.service`;

/**
 * Runs a phase and kills it with all its children `milliseconds` after its start.
 * @returns false where the phase was done before that
 */
export function killPhase(
  host: BareHost,
  phase: PhaseName,
  steps: readonly Step[],
  milliseconds: number,
): Promise<boolean> {
  return killUnit(host, () => submitPhase(host, phase, steps), milliseconds);
}

/** The same for the removal of everything. */
export function killRemoval(host: BareHost, milliseconds: number): Promise<boolean> {
  return killUnit(host, () => host.ask(REMOVAL_TEXT), milliseconds);
}

async function killUnit(host: BareHost, submit: () => Promise<Said>, milliseconds: number): Promise<boolean> {
  const killing = host.ask(killScript(milliseconds));
  const { exitCode } = await submit();
  // Ends the wait of a killer that came too late to see the unit.
  await host.shell("touch /run/no-kill");
  await killing;
  await host.shell("rm /run/no-kill");
  return exitCode !== 0;
}
