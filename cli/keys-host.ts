import { parseKeyUsage, type KeyUsage } from "../plan/key-usage";
import { scriptText } from "../plan/render/loader";
import { templateText } from "../plan/render/template-files";
import { CommandFailure, EXIT } from "./failure";
import { hostAddress, type Project } from "./project";
import { noRoot, NO_ROOT } from "./root-rights";
import { runOverSsh } from "./ssh";

/** What the verb `keys` asks of the host itself, one round trip each. */

/** Which keys nginx knows, and when each was last used. @throws SshError */
export async function keyUsage(project: Project): Promise<KeyUsage> {
  const text = await runScript(project, [], templateText("keys/usage.sh"));
  return parseKeyUsage(text);
}

/** Has nginx refuse keys at once, by their names. @throws SshError */
export async function refuseKeys(project: Project, names: readonly string[]): Promise<void> {
  const script = `${templateText("lib/drain.sh")}\n${templateText("keys/revoke.sh")}`;
  await runScript(project, [String(project.config.gateway.port), ...names], script);
}

async function runScript(project: Project, words: readonly string[], script: string): Promise<string> {
  const result = await runOverSsh(hostAddress(project), scriptText(...words), { stdin: script });
  if (result.code === NO_ROOT) throw noRoot(project.config);
  if (result.code !== 0)
    throw new CommandFailure(
      `the host could not do it: ${result.stderr.trim()}`,
      `npm run up -- ${project.stack} makes the host as the stack file says`,
      EXIT.internal,
    );
  return result.stdout;
}
