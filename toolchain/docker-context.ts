import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const settingsSchema = z.object({ currentContext: z.string().optional() });
const contextSchema = z.object({ Endpoints: z.object({ docker: z.object({ Host: z.string() }) }) });

/**
 * Address of the daemon that Docker's client is set to, as Colima, OrbStack and others set it: `unix:///…`, `tcp://…`.
 * Undefined where none is set, or where it cannot be read. The client's files, since it may not be installed.
 * @param folder Docker's own folder, `~/.docker`
 * @param chosen name of a context that is preferred to the one in the folder, as `DOCKER_CONTEXT` names it
 */
export function contextHost(folder: string, chosen?: string): string | undefined {
  try {
    const name = chosen ?? settingsSchema.parse(readJson(join(folder, "config.json"))).currentContext;
    if (name === undefined || name === "" || name === "default") return undefined;
    const id = createHash("sha256").update(name).digest("hex");
    return contextSchema.parse(readJson(join(folder, "contexts", "meta", id, "meta.json"))).Endpoints.docker.Host;
  } catch {
    return undefined;
  }
}

const readJson = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));
