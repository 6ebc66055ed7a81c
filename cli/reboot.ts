import { setTimeout as sleep } from "node:timers/promises";
import { REBOOT_ASKED_TEXT, REBOOT_TEXT } from "../plan/render/loader";
import { CommandFailure } from "./failure";
import { hostAddress, type Project } from "./project";
import { runOverSsh, SshError } from "./ssh";
import { OtherHostKey } from "./ssh-advice";

/** The one reboot that `up` makes, where the stack file consents and a driver that was just installed wants it. */

/** Servers with much memory test it for minutes before they boot. */
const LONGEST_BOOT_MILLISECONDS = 20 * 60_000;
const PAUSE_MILLISECONDS = 2_000;

/** Whether a phase on the host has ended because only a reboot loads the driver. */
export async function rebootIsWanted(project: Project): Promise<boolean> {
  const { gpu } = project.config;
  if (gpu.driver !== "install" || !gpu.reboot) return false;
  return (await askHost(project)) === "wanted";
}

/** Reboots the host, and comes back when it has. @throws CommandFailure when it does not come back, or as another one */
export async function rebootHost(project: Project): Promise<void> {
  console.error("Rebooting the host, which loads the driver (gpu.reboot).");
  // The line may be cut before the answer.
  await askHost(project, REBOOT_TEXT);
  const began = Date.now();
  while (Date.now() - began < LONGEST_BOOT_MILLISECONDS) {
    await sleep(PAUSE_MILLISECONDS);
    if ((await askHost(project)) === "not wanted") {
      console.error(`The host is back after ${Math.round((Date.now() - began) / 1000)} s. Going on.`);
      return;
    }
  }
  throw new CommandFailure(
    `The host was rebooted and has not come back within ${LONGEST_BOOT_MILLISECONDS / 60_000} minutes.`,
    `look at its console; when it is back: npm run up -- ${project.stack}, which goes on where it stopped`,
  );
}

type Answer = "wanted" | "not wanted" | "no answer";

/** A host with another key is not spoken to, least of all now. @throws OtherHostKey */
async function askHost(project: Project, text = REBOOT_ASKED_TEXT): Promise<Answer> {
  try {
    const { code, stdout } = await runOverSsh(hostAddress(project), text);
    if (code !== 0) return "no answer";
    return stdout.trim() === "wanted" ? "wanted" : "not wanted";
  } catch (error) {
    if (error instanceof SshError && !(error instanceof OtherHostKey)) return "no answer";
    throw error;
  }
}
