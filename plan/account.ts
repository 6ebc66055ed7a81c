import type { FirewallChoice } from "./firewall";
import { plannedFile } from "./render/payload";
import { templateText } from "./render/template-files";
import type { Step } from "./step";

/**
 * The service's user, its folders under /opt/llm, and the rotation of its logs.
 *
 * @param packagesAhead packages of later steps, each named like its command, to be installed in the same run of apt or dnf
 * @param firewall whose package is among them
 */
export function accountStep(packagesAhead: readonly string[] = [], firewall: FirewallChoice = "off"): Step {
  return {
    name: "account",
    phase: "base",
    title: "user tms, folders under /opt/llm, log rotation",
    script: "account.sh",
    inputs: { packages_ahead: packagesAhead.join("\n"), firewall },
    files: [plannedFile("/etc/logrotate.d/tms-llm", templateText("logrotate/tms-llm"))],
    artifacts: [],
    secrets: [],
  };
}
