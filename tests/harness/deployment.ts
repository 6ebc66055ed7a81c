import { stackSchema, type StackConfig } from "../../plan/config/schema";
import type { ArtifactIndex } from "../../plan/artifacts";
import { parseDriftLines, type Difference } from "../../plan/drift";
import { ollamaArtifact } from "../../plan/engines/ollama";
import { makePlan } from "../../plan/plan";
import { DRIFT_TEXT, loaderText, REMOVAL_TEXT } from "../../plan/render/loader";
import { phasePayload, renderAnchor, renderPayload } from "../../plan/render/payload";
import { PHASES, type PhaseName, type PlannedArtifact, type Step } from "../../plan/step";
import { docker } from "../../toolchain/docker";
import { ollama } from "../../toolchain/ollama";
import type { Piece } from "../../toolchain/piece";
import { architecture } from "../../toolchain/places";
import { sandboxImage } from "../../toolchain/sandbox-image";
import { tinyModelFile } from "../../toolchain/tiny-model-file";
import type { BareHost } from "./bare-host";
import { HostCommandError, type Said } from "./container-host";

/** A deployment on a bare host as the components make it, without Pulumi: anchor, artifacts, one round trip a phase. */

const TIME_LIMIT_SECONDS = 300;

/** Image of the hosts, and what can be delivered to them. */
export interface Material {
  readonly image: string;
  readonly artifacts: ArtifactIndex;
}

/** Made where it is missing, which takes minutes the first time. */
export async function prepareMaterial(): Promise<Material> {
  const { version } = stackConfig().engine;
  const daemon = obtain(docker);
  const [image, archive, weights] = await Promise.all([
    obtain(sandboxImage(daemon)),
    obtain(ollama({ version, allowLocalBuild: true })),
    obtain(tinyModelFile),
  ]);
  // It passes for the publisher's, which is what a host of one's own gets.
  const official = { ...archive, origin: "official" as const };
  return { image, artifacts: { [ollamaArtifact(version, architecture()!)]: official, "tiny-model": weights } };
}

export async function obtain<T>(piece: Piece<T>): Promise<T> {
  return (await piece.find()) ?? piece.make((step) => console.log(`${piece.name}: ${step}`));
}

/** A stack on an existing host, with the tiny model; `changes` replaces whole sections. */
export function stackConfig(changes: Record<string, unknown> = {}): StackConfig {
  return stackSchema.parse({
    target: { kind: "ssh", host: "bare-host", hostKey: `ssh-ed25519 ${SOME_HOST_KEY}` },
    models: [{ name: "tiny", source: "builtin:tiny", context: 2048 }],
    access: { allow: ["10.1.2.0/24", "192.0.2.9", "FD00:5:0::/64"] },
    ...changes,
  });
}

const SOME_HOST_KEY = Buffer.concat([
  Buffer.from([0, 0, 0, 11]),
  Buffer.from("ssh-ed25519"),
  Buffer.from([0, 0, 0, 32]),
  Buffer.alloc(32, 1),
]).toString("base64");

/** The steps of the plan, in the order in which they run. */
export function plannedSteps({ artifacts }: Material, config = stackConfig()): readonly Step[] {
  const { steps } = makePlan(config, { stack: "test", artifacts, architecture: architecture()! });
  return PHASES.flatMap((phase) => steps.filter((step) => step.phase === phase));
}

/** A step's line in the report of its phase. */
export interface StepReport {
  readonly step: string;
  /** How many things were moved towards the plan. */
  readonly changed: number;
  readonly milliseconds: number;
}

/** The first thing on a host. */
export async function anchor(host: BareHost): Promise<void> {
  await host.shell(loaderText("anchor", "", "", "anchor"), renderAnchor("step-tests", "steps"));
}

/** Puts what this machine has for the steps where `CopyToRemote` would. */
export async function deliver(host: BareHost, steps: readonly Step[]): Promise<void> {
  await host.shell("install -d -m 0700 /var/lib/tms-llm-incoming");
  for (const artifact of steps.flatMap(({ artifacts }) => artifacts)) await deliverOne(host, artifact);
}

async function deliverOne(host: BareHost, { sha256, source }: PlannedArtifact): Promise<void> {
  const path = source.kind === "local" ? source.path : source.orSent?.path;
  if (path !== undefined) await host.copy(path, `/var/lib/tms-llm-incoming/${sha256}`);
}

/** The value that a secret of the plan has here. Each key is another one, or a client could pass for another. */
export const sampleSecret = (name: string) => name.replaceAll("/", "").padEnd(43, "0");

/** Sends one phase with these of its steps and waits for its end, good or bad. */
export async function submitPhase(
  host: BareHost,
  phase: PhaseName,
  steps: readonly Step[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Said> {
  const payload = phasePayload(phase, steps, { limitSeconds: TIME_LIMIT_SECONDS, environment });
  const names = steps.flatMap(({ secrets }) => secrets).map(({ name }) => name);
  const secrets = Object.fromEntries(names.map((name) => [name, sampleSecret(name)]));
  return host.ask(loaderText(phase, payload.digest, host.name), renderPayload(payload, secrets));
}

/** As {@link submitPhase}, for a phase that has to succeed. @throws HostCommandError */
export async function runPhase(
  host: BareHost,
  phase: PhaseName,
  steps: readonly Step[],
  environment: Readonly<Record<string, string>> = {},
): Promise<StepReport[]> {
  const said = await submitPhase(host, phase, steps, environment);
  if (said.exitCode !== 0) throw new HostCommandError(`phase ${phase}`, said);
  return said.stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as StepReport)
    .filter(({ changed }) => (changed as number | undefined) !== undefined);
}

/** Runs the phases that these steps belong to, in order. */
export async function deploy(host: BareHost, steps: readonly Step[]): Promise<StepReport[]> {
  await anchor(host);
  await deliver(host, steps);
  const reports: StepReport[] = [];
  for (const phase of PHASES) {
    const ofPhase = steps.filter((step) => step.phase === phase);
    if (ofPhase.length > 0) reports.push(...(await runPhase(host, phase, ofPhase)));
  }
  return reports;
}

/** What the host's own checks find to be different. */
export async function checkHost(host: BareHost): Promise<readonly Difference[]> {
  const found = parseDriftLines(await host.shell(DRIFT_TEXT));
  if (!found) throw new Error("nothing of ours is on the host");
  return found.differences;
}

/** Undoes the whole deployment. */
export async function removeAll(host: BareHost): Promise<void> {
  await host.shell(REMOVAL_TEXT);
}
