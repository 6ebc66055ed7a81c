import { plannedFile } from "./render/payload";
import { templateText } from "./render/template-files";
import type { Step } from "./step";

/** The service's user, its folders under /opt/llm, and the rotation of its logs. */
export function accountStep(): Step {
  return {
    name: "account",
    phase: "base",
    title: "user tms, folders under /opt/llm, log rotation",
    script: "account.sh",
    inputs: {},
    files: [plannedFile("/etc/logrotate.d/tms-llm", templateText("logrotate/tms-llm"))],
    artifacts: [],
    secrets: [],
  };
}
