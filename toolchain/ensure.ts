import { type Artifact } from "./artifacts";
import { docker, type Docker } from "./docker";
import { pulumiEnvironment } from "./environment";
import { ollama } from "./ollama";
import { ollamaChecksum, type OllamaRequest } from "./ollama-release";
import { type Plugin, plugins } from "./plugins";
import { policyPack } from "./policy-pack";
import type { Progress } from "./progress";
import { type PulumiCli, pulumiCli } from "./pulumi-cli";
import { pythonPackages, type PythonDelivery } from "./python-packages";
import { type Finding, Run } from "./run";
import { sandboxImage } from "./sandbox-image";
import { ensureSandboxSettings, type SandboxSettings } from "./sandbox-settings";
import { tinyModelArchive, tinyModelFile } from "./tiny-model-file";

/** Which pieces a stack needs. */
export interface PieceOptions {
  /** Whether the stack's target is a sandbox: it needs Docker and an image, and may use local builds. */
  readonly sandbox: boolean;
  /** Whether stand-ins may take the place of Pulumi's plugins: for a sandbox, or to show a plan. Default: for a sandbox. */
  readonly standIns?: boolean;
  /** Release of Ollama that the stack needs; without it none is. */
  readonly ollama?: OllamaRequest;
  /** Whether the host may download it by itself, so that its checksum is all that this machine needs; default false. */
  readonly hostDownloads?: boolean;
  /** The engines in Python to have ready for sandboxes; default none. */
  readonly python?: readonly PythonDelivery[];
  /** Whether a model of the stack is `builtin:tiny`. */
  readonly tinyModel: boolean;
}

export interface ToolchainOptions extends PieceOptions {
  /** The stack whose sandbox settings are needed; without it none are chosen. */
  readonly stack?: string;
  readonly progress: Progress;
}

/** All that is needed on this machine to run Pulumi for one stack. */
export interface Toolchain {
  readonly pulumi: PulumiCli;
  readonly plugins: readonly Plugin[];
  readonly docker?: Docker;
  readonly sandbox?: SandboxSettings;
  readonly artifacts: readonly Artifact[];
  /** Variables to set for running `pulumi`, on top of the present environment. */
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Finds every piece, announces what is missing and how it will be had, and makes it, independent pieces side by side.
 * Changes nothing and uses no network where everything is in place.
 * @throws ToolchainError naming all that cannot be had here, before anything is changed
 */
export async function ensureToolchain(options: ToolchainOptions): Promise<Toolchain> {
  const { stack, sandbox, progress } = options;
  const run = new Run();
  const slots = addPieces(run, options);
  await run.make(progress);

  const found = { pulumi: await slots.pulumi.result, plugins: await slots.plugins.result };
  const daemon = await slots.docker?.result;
  return {
    ...found,
    ...(daemon && {
      docker: daemon,
      ...(stack !== undefined && { sandbox: await ensureSandboxSettings(stack, daemon) }),
    }),
    artifacts: await Promise.all(slots.artifacts.map(({ result }) => result)),
    environment: pulumiEnvironment({ ...found, sandbox, ...(daemon && { docker: daemon }) }),
  };
}

/** The publisher's archive of a release of Ollama, for a host that does not reach it. @throws ToolchainError */
export async function ensureOfficialOllama(release: OllamaRequest, progress: Progress): Promise<Artifact> {
  const run = new Run();
  const slot = run.add(ollama({ ...release, allowLocalBuild: false }));
  await run.make(progress);
  return slot.result;
}

/** What is there and what would be done about the rest; changes nothing. For `npm run doctor`. */
export function surveyToolchain(options: PieceOptions): Promise<Finding[]> {
  const run = new Run();
  addPieces(run, options);
  return run.survey();
}

function addPieces(run: Run, options: PieceOptions) {
  const { sandbox, standIns = sandbox, ollama: release, hostDownloads = false, python = [], tinyModel } = options;
  const cli = run.add(pulumiCli());
  const providers = run.add(plugins({ pulumi: cli.result, allowStandIns: standIns }));
  run.add(policyPack);
  const daemon = sandbox ? run.add(docker) : undefined;
  if (daemon) run.add(sandboxImage(daemon.result));
  if (release !== undefined && hostDownloads) run.add(ollamaChecksum(release));
  const artifacts = [
    ...(release === undefined || hostDownloads ? [] : [ollama({ ...release, allowLocalBuild: sandbox })]),
    ...python.map(pythonPackages),
    ...(tinyModel ? [python.length === 0 ? tinyModelFile : tinyModelArchive] : []),
  ].map((piece) => run.add(piece));
  return { pulumi: cli, plugins: providers, docker: daemon, artifacts };
}
