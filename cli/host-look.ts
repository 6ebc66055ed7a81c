import { setTimeout as sleep } from "node:timers/promises";
import type { DriftReport } from "../plan/drift";
import { WAIT_TEXT } from "../plan/render/loader";
import { PHASES, type PhaseName } from "../plan/step";
import { HostAtWork, measureDrift, renderDrift } from "./drift";
import { hostAddress, type Project } from "./project";
import { runOverSsh, SshError } from "./ssh";

/** What `up` finds on the host before it starts. */
export interface HostLook {
  /** Whether there is a host at all. */
  readonly exists: boolean;
  /** Whether something on it has to be made or mended. */
  readonly unfinished: boolean;
  /** Phases that drifted or never finished: Pulumi's state alone would not notice. */
  readonly repair: readonly PhaseName[];
  /** SHA-256 of the archives that it has unpacked. */
  readonly held: readonly string[];
}

/** A sandbox that is still to be made. */
export const NO_HOST: HostLook = { exists: false, unfinished: true, repair: PHASES, held: [] };

/** A sandbox that was just started takes this long until its sshd answers. */
const BOOT_MILLISECONDS = 20_000;

/** Waits for what an earlier run still does there, then compares; says what it found. @throws SshError */
export async function lookAtHost(project: Project): Promise<HostLook> {
  const report = await compareWhenReady(project);
  tell(report, project.stack);
  const repair = report.state === "not deployed" ? PHASES : report.repair;
  return { exists: true, unfinished: repair.length > 0, repair, held: report.held };
}

/** Compares as soon as a sandbox has booted and an earlier run is done. @throws SshError */
export async function compareWhenReady(project: Project): Promise<DriftReport> {
  const deadline = Date.now() + (project.config.target.kind === "sandbox" ? BOOT_MILLISECONDS : 0);
  for (;;) {
    try {
      return await measureDrift(project);
    } catch (error) {
      if (error instanceof HostAtWork) {
        console.error(`The host is still at work on ${error.phase} of an earlier run; waiting until it is done.`);
        await runOverSsh(hostAddress(project), WAIT_TEXT);
      } else if (error instanceof SshError && Date.now() < deadline) await sleep(250);
      else throw error;
    }
  }
}

function tell(report: DriftReport, stack: string): void {
  const found = (words: string) =>
    report.differences.filter(({ step, found }) => step === "-" && found === words).map(({ what }) => what);
  const [broken, missing] = [found("interrupted"), found("never run")];
  if (broken.length > 0 || missing.length > 0) {
    const parts = [
      ...(broken.length > 0 ? [`${broken.join(", ")} was interrupted`] : []),
      ...(missing.length > 0 ? [`${missing.join(", ")} did not run`] : []),
    ];
    console.error(`The last run did not come to its end: ${parts.join("; ")}. Going on from there.`);
  }
  const drifted = report.differences.filter(({ step }) => step !== "-");
  if (drifted.length > 0) console.error(renderDrift({ ...report, differences: drifted }, stack, "Repairing it now."));
}
