import { parseKeyUsage, type KeyUsage } from "../plan/key-usage";
import { templateText } from "../plan/render/template-files";
import { runScript } from "./host-script";
import type { Project } from "./project";

/** What the verb `keys` asks of the host itself, one round trip each. */

/** Which keys nginx knows, and when each was last used. @throws SshError */
export async function keyUsage(project: Project): Promise<KeyUsage> {
  return parseKeyUsage(await runScript(project.stack, project, [], templateText("keys/usage.sh")));
}

/** Has nginx refuse keys at once, by their names. @throws SshError */
export async function refuseKeys(project: Project, names: readonly string[]): Promise<void> {
  const script = `${templateText("lib/drain.sh")}\n${templateText("keys/revoke.sh")}`;
  await runScript(project.stack, project, [String(project.config.gateway.port), ...names], script);
}
