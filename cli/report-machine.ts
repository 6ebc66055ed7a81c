import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { StackConfig } from "../plan/config/schema";
import { factsFile } from "../plan/host-facts";
import { keyId } from "../plan/keys";
import { measuringMachine } from "../smoke/environment";
import { surveyToolchain } from "../toolchain/ensure";
import { loadExeca } from "../toolchain/execa";
import { PULUMI_HOME, wantedPlugins } from "../toolchain/plugins";
import { readMarker } from "../toolchain/stand-in-marker";
import { deployments } from "./deployed";
import { wantedPieces } from "./prepare";
import { PROJECT, type Project } from "./project";
import { parseState, pendingCreates } from "./pulumi-state";

/** What this machine tells of itself and of a stack, for a report. Changes nothing. */

const json = (value: unknown) => JSON.stringify(value, null, 2);

/** The machine, the checkout, and what the toolchain has ready. */
export async function machine(stack: string, config: StackConfig | undefined): Promise<string> {
  const standIns = readMarker(PULUMI_HOME).plugins;
  const pieces = config === undefined ? [] : await surveyToolchain(wantedPieces(stack, config));
  return json({
    ...measuringMachine(),
    commit: await git("rev-parse", "HEAD"),
    changed: (await git("status", "--short")).split("\n").filter((line) => line !== ""),
    plugins: wantedPlugins().map(({ name, version }) => ({
      name,
      version,
      origin: standIns[name] === version ? "stand-in" : "official",
    })),
    toolchain: pieces.map((finding) => ({
      name: finding.name,
      state: finding.state,
      ...(finding.state === "impossible" ? { why: finding.fault.message } : {}),
    })),
  });
}

/** What git prints; its complaint where it cannot. */
async function git(...args: string[]): Promise<string> {
  const execa = await loadExeca();
  const { stdout, stderr, exitCode } = await execa("git", args, { cwd: PROJECT, reject: false, timeout: 10_000 });
  return exitCode === 0 ? stdout : stderr || "git cannot be run";
}

/** The plan: its steps in short, and what it demands of the host. */
export function planInShort({ plan }: Project): string {
  const { steps, payloads, requirements, digest, endpoint, keys, artifacts } = plan;
  return json({
    ...{ digest, endpoint, keys: keys.map(keyId) },
    phases: Object.fromEntries(payloads.map((payload) => [payload.phase, payload.digest])),
    steps: Object.fromEntries(steps.map(({ name, phase, title }) => [name, `${phase}: ${title}`])),
    artifacts: artifacts.map(({ name, sha256 }) => ({ name, sha256 })),
    requirements,
  });
}

/** Undefined where the stack has no facts file. */
export function factsFileText(stack: string): string | undefined {
  const path = join(PROJECT, factsFile(stack));
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

/** When the last deployments were, and of which plan; their stack files stay here. */
export function deployedStackFiles(stack: string): string | undefined {
  const past = deployments(stack).map(({ at, digest }) => ({ at, digest }));
  return past.length === 0 ? undefined : json(past);
}

/** Resources of Pulumi's state by name and kind, without their inputs and outputs. */
export function stateInShort(exported: string): string {
  const state = parseState(exported);
  return json({
    resources: (state.deployment.resources ?? []).map(
      ({ urn, type }) => `${type} ${urn.slice(urn.lastIndexOf("::") + 2)}`,
    ),
    unfinished: pendingCreates(state),
  });
}
