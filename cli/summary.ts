import { writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { z } from "zod";
import { STATE_FOLDER } from "../plan/context";
import { writePrivate } from "../toolchain/private-files";
import { PROJECT, type Project } from "./project";

const outputsSchema = z.object({
  endpoint: z.string(),
  openaiBaseUrl: z.string(),
  model: z.string(),
  apiKeys: z.record(z.string(), z.string()),
  applicationEnv: z.record(z.string(), z.string()),
  caCertificate: z.string().optional(),
  smoke: z.string(),
});

/** Writes what a client needs, root-only, and says where it is and how to use it. */
export function summary({ stack, config }: Project, raw: Record<string, unknown>): string {
  const outputs = outputsSchema.parse(raw);
  const folder = join(PROJECT, STATE_FOLDER, stack);
  const path = (name: string) => relative(process.cwd(), join(folder, name));
  const client = Object.keys(outputs.apiKeys)[0]!;
  for (const [name, key] of Object.entries(outputs.apiKeys)) writePrivate(join(folder, `${name}.key`), `${key}\n`);
  for (const [name, text] of Object.entries(outputs.applicationEnv)) writePrivate(join(folder, `${name}.env`), text);
  if (outputs.caCertificate)
    writeFileSync(
      join(folder, "ca.pem"),
      outputs.caCertificate.endsWith("\n") ? outputs.caCertificate : `${outputs.caCertificate}\n`,
    );
  const trust = config.gateway.tls.mode === "own-ca" ? ` --cacert ${path("ca.pem")}` : "";
  const body = JSON.stringify({
    model: outputs.model,
    stream: true,
    messages: [{ role: "user", content: "안녕하세요" }],
  });
  return [
    "",
    outputs.smoke,
    "",
    `Endpoint   ${outputs.openaiBaseUrl}`,
    `Model      ${config.models.map(({ name, role }) => (role === undefined ? name : `${name} (${role})`)).join(", ")}`,
    `Key        ${path(`${client}.key`)} (client ${client}); all of them: source <(npm run -s env -- ${stack}), then pulumi stack output apiKeys --show-secrets --stack ${stack}`,
    `Env file   ${path(`${client}.env`)}, for the application that is ${client}: docs/operate/application.md`,
    "",
    "Stream an answer:",
    `  curl -N${trust} -H "Authorization: Bearer $(cat ${path(`${client}.key`)})" -H 'Content-Type: application/json' \\`,
    `    -d '${body}' ${outputs.openaiBaseUrl}/chat/completions`,
    "",
  ].join("\n");
}
