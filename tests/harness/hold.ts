import { setTimeout as sleep } from "node:timers/promises";
import type { PhaseName } from "../../plan/step";
import type { ContainerHost } from "./container-host";

/** Holding a phase in the middle of its work, so that a test has all the time it needs to disturb the rest. */

const UNIT = "tms-llm-phase.service";

/** Waits for the host and for the phase, then stops all the phase's processes. `host` may still be in the making. */
export async function holdPhase(host: () => ContainerHost | undefined, phase: PhaseName): Promise<void> {
  const script = `
    is_at_work() { [ "$(systemctl show --value --property=Description ${UNIT})" = "tms-llm phase ${phase}" ] && systemctl is-active --quiet ${UNIT}; }
    until is_at_work; do :; done
    systemctl kill --kill-who=all --signal=STOP ${UNIT}`;
  for (;;) {
    // A container that is not there yet, or whose systemd has not come up.
    if ((await host()?.ask(`systemctl is-system-running --wait >/dev/null; ${script}`))?.exitCode === 0) return;
    await sleep(50);
  }
}

/** Lets it go on. */
export async function releasePhase(host: ContainerHost): Promise<void> {
  await host.shell(`systemctl kill --kill-who=all --signal=CONT ${UNIT}`);
}

/** Ends it in the middle, held or not, so that the next `up` begins it anew. */
export async function breakOffPhase(host: ContainerHost): Promise<void> {
  await host.shell(`
    systemctl kill --kill-who=all --signal=KILL ${UNIT}
    while systemctl is-active --quiet ${UNIT}; do sleep 0.05; done`);
}

/** Cuts the connection over which a deployment waits for its phase: ends the process that serves it on the host. */
export async function cutLine(host: ContainerHost): Promise<void> {
  await host.shell(`
    pid=$(pgrep --oldest --full '^systemd-run --unit=tms-llm-phase')
    until [ "$(cat /proc/$pid/comm)" = sshd ]; do pid=$(awk '{ print $4 }' /proc/$pid/stat); done
    kill -KILL "$pid"`);
}
