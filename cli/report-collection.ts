import { hostname, userInfo } from "node:os";
import { ConfigurationFaults } from "../plan/config/faults";
import type { Known, ReportFiles } from "../plan/report/redact";
import { reportedStackFile } from "../plan/report/stack-file";
import { readConfig, readProject } from "./project";
import { CommandFailure } from "./failure";
import { askHost } from "./report-host";
import { secretsHere } from "./report-secrets";
import { deployedStackFiles, factsFileText, machine, planInShort, stateInShort } from "./report-machine";
import { openPulumi } from "./report-pulumi";
import { proof } from "./report-smoke";
import { stackFileText } from "./stack-file";

/** Everything that a report is made of, raw, and what has to be known to take out of it what is nobody's business. */

export interface Collection {
  readonly files: ReportFiles;
  /** Path → why it is not there. */
  readonly missing: Readonly<Record<string, string>>;
  /** Paths of files whose beginning was cut off. */
  readonly cut: readonly string[];
  readonly known: Known;
}

/** Longest time for what this machine tells of itself. */
const LOCAL_MILLISECONDS = 60_000;
/** The same for the proof and for the host, which have limits of their own for what usually hangs. */
const REMOTE_MILLISECONDS = 360_000;

/** Asks this machine, the endpoint and the host; no failure of one part keeps another from being asked. */
export async function collect(stack: string, say: (line: string) => void): Promise<Collection> {
  const gathering = new Gathering();
  const written = reportedStackFile(stackFileTextOf(stack));
  const stackFile = written?.text ?? "";
  await gathering.add(`stack/Pulumi.${stack}.yaml`, () => {
    if (written === undefined) throw new Error("it is no YAML, so what is secret in it cannot be told");
    return stackFile;
  });
  await gathering.add(`stack/facts.${stack}.yaml`, () => factsFileText(stack));
  await gathering.add("stack/deployments.json", () => deployedStackFiles(stack));

  const config = await gathering.attempt("plan.json", () => readConfig(stack));
  const project = config && (await gathering.attempt("plan.json", () => readProject(stack)));
  if (project) await gathering.add("plan.json", () => planInShort(project));
  await gathering.add("machine.json", () => machine(stack, config));

  const pulumi = await gathering.attempt("pulumi-state.json", () =>
    openPulumi(stack, needed(config, "the stack file")),
  );
  if (pulumi) await gathering.add("pulumi-state.json", () => stateInShort(pulumi.state));
  say("Proving the endpoint.");
  await gathering.add(
    "smoke.json",
    () => proof(needed(project, "the plan"), needed(pulumi, "Pulumi's state")),
    REMOTE_MILLISECONDS,
  );
  say("Asking the host.");
  const host = await gathering.attempt(
    "host/",
    () => askHost(stack, needed(config, "the stack file"), project),
    REMOTE_MILLISECONDS,
  );
  if (host) gathering.merge(host);
  return {
    files: gathering.files,
    missing: gathering.missing,
    cut: host?.cut ?? [],
    known: {
      secrets: [...secretsHere(stack, config), ...(pulumi?.secrets ?? []), ...(host?.secrets ?? [])],
      prompts: written?.prompts ?? [],
      hosts: [hostname(), ...(host?.hosts ?? [])],
      people: [userInfo().username, process.env["SUDO_USER"] ?? "", ...(host?.people ?? [])],
      stackFile,
    },
  };
}

/** @throws Error where an earlier part has failed */
function needed<T>(part: T | undefined, what: string): T {
  if (part === undefined) throw new Error(`it takes ${what}, which is missing too`);
  return part;
}

/** A stack that does not exist is a slip of the keyboard. @throws UsageError */
function stackFileTextOf(stack: string): string {
  try {
    readConfig(stack);
  } catch (error) {
    // One with faults is there, and worth a report.
    if (!(error instanceof ConfigurationFaults)) throw error;
  }
  return stackFileText(stack);
}

class Gathering {
  readonly files: Record<string, string> = {};
  readonly missing: Record<string, string> = {};

  /** Adds a file; one that is undefined is not missed. */
  async add(path: string, work: () => string | undefined | Promise<string | undefined>, limit?: number): Promise<void> {
    const text = await this.attempt(path, work, limit);
    if (text !== undefined) this.files[path] = text;
  }

  /** What the work gives; where it fails, that is noted as the reason why the file is missing. @param limit milliseconds */
  async attempt<T>(path: string, work: () => T | Promise<T>, limit = LOCAL_MILLISECONDS): Promise<T | undefined> {
    try {
      return await within(limit, Promise.resolve().then(work));
    } catch (error) {
      this.missing[path] = reason(error);
      return undefined;
    }
  }

  merge({ files, missing }: Pick<Collection, "files" | "missing">): void {
    Object.assign(this.files, files);
    Object.assign(this.missing, missing);
  }
}

const reason = (error: unknown) => {
  if (error instanceof CommandFailure && error.wayOut !== undefined)
    return `${error.message}\n  way out: ${error.wayOut}`;
  return error instanceof Error ? error.message : String(error);
};

/** @throws Error when it takes longer */
async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it took longer than ${milliseconds / 1000} s`)), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
