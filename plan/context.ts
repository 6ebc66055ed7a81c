import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { authorityFault } from "./backup/authority";
import { artifactIndexSchema, NotPrepared, pinsSchema, type ArtifactIndex, type Pins } from "./artifacts";
import type { StackConfig } from "./config/schema";
import { type Deliveries, NO_DELIVERIES, parseDeliveries } from "./deliveries";
import { ollamaArtifact } from "./engines/ollama";
import { publishedArchive } from "./engines/published-archive";
import { factsFile, parseFactsFile, type HostFacts } from "./host-facts";
import type { PlanContext } from "./plan-context";
import { sandboxSettingsSchema } from "./sandbox";

// With the templates and the catalogue, the only files that the plan's room reads: what was measured or chosen beforehand.

const DEBIAN_ARCHITECTURE: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** Folder of the project's own state, outside of git. */
export const STATE_FOLDER = ".tms-llm";

function readState(project: string, stack: string, path: string): unknown {
  const file = join(project, STATE_FOLDER, path);
  if (!existsSync(file)) {
    throw new NotPrepared(
      `${join(STATE_FOLDER, path)} is missing.\n  why: the toolchain has not prepared this stack\n  way out: npm run up -- ${stack}; or source <(npm run -s env -- ${stack}) before you use pulumi directly`,
    );
  }
  return JSON.parse(readFileSync(file, "utf8"));
}

/** The same of a file that comes to be when something is put into it. */
function readOptional(project: string, path: string): unknown {
  const file = join(project, STATE_FOLDER, path);
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
}

/** A file that the stack file names, relative to the project. */
export function readGiven(project: string, path: string): string {
  const file = resolve(project, path.replace(/^~(?=\/)/, homedir()));
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const { code = "?" } = error as NodeJS.ErrnoException;
    const fault = code === "ENOENT" ? "does not exist" : `cannot be read (${code})`;
    throw new NotPrepared(
      `${path} ${fault}.\n  why: the stack file names it\n  way out: correct the path, which is relative to the project's folder, or the file's mode`,
    );
  }
}

/** File of the CA that a restore brought, relative to the project: private key and certificate in PEM. */
export const restoredCaFile = (stack: string) => join(STATE_FOLDER, stack, "restored-ca.pem");

/** The CA that the next `up` puts on the host; undefined where nothing was restored. Throws with advice on a damaged one. */
export function readRestoredCa(project: string, stack: string): string | undefined {
  const file = join(project, restoredCaFile(stack));
  if (!existsSync(file)) return undefined;
  const text = readFileSync(file, "utf8");
  const fault = authorityFault(text);
  if (fault === undefined) return text;
  throw new NotPrepared(
    `${restoredCaFile(stack)} ${fault}.\n  why: it was changed since the restore\n  way out: npm run restore -- ${stack} --from FILE, or delete it: then the host keeps the CA that it has`,
  );
}

/** File of what is sent to the stack's host and what is not, relative to the project. */
export const deliveriesFile = (stack: string) => join(STATE_FOLDER, stack, "unsent.json");

/** What `up` decided when it last looked at the host. */
export function readDeliveries(project: string, stack: string): Deliveries {
  const file = join(project, deliveriesFile(stack));
  return existsSync(file) ? parseDeliveries(readFileSync(file, "utf8")) : NO_DELIVERIES;
}

/** The stack's facts file; undefined where it has none. Throws FaultyFactsFile. */
export function readFacts(project: string, stack: string): HostFacts | undefined {
  const file = join(project, factsFile(stack));
  return existsSync(file) ? parseFactsFile(readFileSync(file, "utf8"), stack) : undefined;
}

/** What this machine can deliver. A host of one's own may need nothing of it, and a plan that is only shown names what is not here. */
function readArtifacts(
  project: string,
  stack: string,
  { engine, target }: StackConfig,
  { purpose, architecture, pins }: { readonly purpose: Purpose; readonly architecture: string; readonly pins: Pins },
): ArtifactIndex {
  const file = "artifacts.json";
  if (target.kind === "sandbox") return artifactIndexSchema.parse(readState(project, stack, file));
  const here = artifactIndexSchema.parse(readOptional(project, file));
  if (purpose === "host" || engine.kind !== "ollama") return here;
  // What was built here goes to sandboxes only.
  const key = ollamaArtifact(engine.version, architecture);
  return here[key]?.origin === "official"
    ? here
    : { ...here, [key]: publishedArchive(engine.version, architecture, pins) };
}

/** What a plan is made for: to go to the host with it, or to show it and go nowhere. */
export type Purpose = "host" | "view";

/** What the plan needs to know about this machine and the stack's sandbox. Throws with advice where it is missing. */
export function readPlanContext(
  project: string,
  stack: string,
  config: StackConfig,
  purpose: Purpose = "host",
): PlanContext {
  // A sandbox is what the stack file says it is.
  const facts = config.target.kind === "sandbox" ? undefined : readFacts(project, stack);
  const architecture = facts?.architecture ?? DEBIAN_ARCHITECTURE[process.arch] ?? process.arch;
  const pins = pinsSchema.parse(readOptional(project, "pins.json"));
  return {
    stack,
    ...(facts ? { facts } : {}),
    artifacts: readArtifacts(project, stack, config, { purpose, architecture, pins }),
    pins,
    architecture,
    ...(config.gateway.tls.mode === "files" ? { certificate: readGiven(project, config.gateway.tls.certificate) } : {}),
    ...(config.target.kind === "sandbox"
      ? { sandbox: sandboxSettingsSchema.parse(readState(project, stack, `${stack}/sandbox.json`)) }
      : {}),
  };
}
