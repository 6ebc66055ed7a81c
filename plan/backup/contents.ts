import { join } from "node:path";
import type { StackConfig } from "../config/schema";
import { restoredCaFile, STATE_FOLDER } from "../context";
import { factsFile } from "../host-facts";

/** What a backup of a stack holds, and where each of it lies in a clone. */

/** Pulumi's state has no place in a clone: it goes through Pulumi. */
export const STATE = "pulumi-state.json";

export const stackFile = (stack: string) => `Pulumi.${stack}.yaml`;

/** Files that are copied as they are, where there are any. */
export const copiedFiles = (stack: string): readonly string[] => [
  stackFile(stack),
  factsFile(stack),
  ...["deployed.json", "sandbox.json", "id_ed25519", "ssh_host_ed25519_key"].map((name) =>
    join(STATE_FOLDER, stack, name),
  ),
];

/** Every path that a backup of the stack may hold. */
export const knownPaths = (stack: string): readonly string[] => [STATE, restoredCaFile(stack), ...copiedFiles(stack)];

/** Whether others may read it: what git keeps. */
export const isPublic = (path: string) => !path.startsWith(`${STATE_FOLDER}/`);

/** What the stack needs and a backup leaves out, since it lies elsewhere or is somebody else's. */
export function leftOut({ gateway, target, models }: StackConfig): string[] {
  return [
    ...(target.kind === "ssh"
      ? [`the SSH key of the operator${target.privateKeyFile ? `, ${target.privateKeyFile}` : ""}`]
      : []),
    ...(target.kind === "ssh" ? ["the passphrase or key service of Pulumi's own state"] : []),
    ...(gateway.tls.mode === "files"
      ? [`the given certificate and its key, ${gateway.tls.certificate} and ${gateway.tls.privateKey}`]
      : []),
    `weights of models (${models.map(({ name }) => name).join(", ")}), which up fetches again`,
    "logs",
  ];
}
