import { z } from "zod";

/** `.tms-llm/<stack>/sandbox.json`: what is chosen once per clone and kept, written by the toolchain. */
export const sandboxSettingsSchema = z.object({
  id: z.string().regex(/^[0-9a-f]{8}$/),
  image: z.string(),
  sshPort: z.number().int(),
  gatewayPort: z.number().int(),
  subnet4: z.string(),
  gateway4: z.string(),
  address4: z.string(),
  allowedProber4: z.string(),
  refusedProber4: z.string(),
  subnet6: z.string(),
  gateway6: z.string(),
  address6: z.string(),
  allowedProber6: z.string(),
  refusedProber6: z.string(),
  sshPrivateKeyFile: z.string(),
  sshPublicKey: z.string(),
  hostPrivateKeyFile: z.string(),
  hostPublicKey: z.string(),
});

export type SandboxSettings = z.output<typeof sandboxSettingsSchema>;
