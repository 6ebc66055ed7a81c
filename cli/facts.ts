import { parseFacts } from "../plan/facts";
import { judgePreflight, refusalText } from "../plan/preflight";
import { PREFLIGHT_TEXT } from "../plan/render/loader";
import { templateText } from "../plan/render/template-files";
import { CommandFailure, EXIT, type ExitCode } from "./failure";
import { hostAddress, readProject } from "./project";
import { runOverSsh } from "./ssh";

/** Measures the host, prints what was found as JSON, and says whether it would be admitted. Changes nothing. */
export async function facts(stack: string): Promise<ExitCode> {
  const project = readProject(stack);
  const result = await runOverSsh(hostAddress(project), PREFLIGHT_TEXT, { stdin: templateText("preflight.sh") });
  if (result.code !== 0)
    throw new CommandFailure(
      `the host could not be measured: ${result.stderr.trim()}`,
      "check the SSH user's sudo rights",
      EXIT.internal,
    );
  const measured = parseFacts(result.stdout);
  console.log(JSON.stringify(measured, null, 2));
  const { refusals, warnings } = judgePreflight(measured, project.plan.requirements);
  if (warnings.length > 0) console.error(refusalText(warnings));
  if (refusals.length > 0) console.error(refusalText(refusals));
  return refusals.length > 0 ? EXIT.failed : EXIT.good;
}
