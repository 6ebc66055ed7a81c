import type { StackConfig } from "../plan/config/schema";
import { parseKeyUsage, type KeyUsage } from "../plan/key-usage";
import { templateText } from "../plan/render/template-files";
import { runScript } from "./host-script";
import { readHost } from "./project";

/** What the verb `keys` asks of the host itself, one round trip each. */

/** Which keys nginx knows, and when each was last used. @throws SshError */
export async function keyUsage(stack: string, config: StackConfig): Promise<KeyUsage> {
  return parseKeyUsage(await runScript(stack, readHost(stack, config), [], templateText("keys/usage.sh")));
}

/** Has nginx refuse keys at once, by their names. @throws SshError */
export async function refuseKeys(stack: string, config: StackConfig, names: readonly string[]): Promise<void> {
  const script = `${templateText("lib/drain.sh")}\n${templateText("keys/revoke.sh")}`;
  await runScript(stack, readHost(stack, config), [String(config.gateway.port), ...names], script);
}
