import type { OllamaEngine, StackConfig } from "../plan/config/schema";
import { readFacts, type Purpose } from "../plan/context";
import { isFetchable, pluginOverrides } from "../plan/mirrors";
import { ensureToolchain, type PieceOptions } from "../toolchain/ensure";
import type { OllamaRequest } from "../toolchain/ollama-release";
import { lineProgress } from "../toolchain/progress";
import { PROJECT } from "./project";
import { Pulumi } from "./pulumi";

export interface Prepared {
  readonly pulumi: Pulumi;
  readonly environment: Readonly<Record<string, string>>;
}

/** What a stack needs on this machine. */
export function wantedPieces(stack: string, config: StackConfig, purpose: Purpose = "host"): PieceOptions {
  const { engine, models, target } = config;
  const sandbox = target.kind === "sandbox";
  // To show the plan of a host of one's own takes nothing that goes there, and stand-ins show it as the official plugins do.
  if (purpose === "view" && !sandbox) return { sandbox, standIns: true, tinyModel: false };
  return {
    sandbox,
    ...(engine.kind === "ollama" ? { ollama: wantedOllama(stack, config, engine) } : {}),
    hostDownloads: !sandbox && isFetchable(config.mirrors.ollama),
    // A host of one's own takes an engine in Python from its package index.
    ...(engine.kind !== "ollama" && sandbox ? { python: [{ kind: engine.kind, version: engine.version }] } : {}),
    tinyModel: models.some(({ source }) => source === "builtin:tiny"),
  };
}

/** Where nobody has measured the host, it is taken for a machine like this one; preflight refuses another. */
export function wantedOllama(
  stack: string,
  { target, mirrors }: StackConfig,
  { version }: Pick<OllamaEngine, "version">,
): OllamaRequest {
  const facts = target.kind === "sandbox" ? undefined : readFacts(PROJECT, stack);
  return {
    version,
    ...(facts ? { architecture: facts.architecture } : {}),
    ...(mirrors.ollama === undefined ? {} : { mirror: mirrors.ollama }),
  };
}

/** Everything that a verb which runs Pulumi needs, announced and made where it is missing. */
export async function prepare(stack: string, config: StackConfig): Promise<Prepared> {
  const environment = await prepareMachine(stack, config, "host");
  const pulumi = new Pulumi(stack, environment);
  await pulumi.ensureStack();
  return { pulumi, environment };
}

/** What it takes to show a plan; no stack is opened or made. @returns Pulumi's environment */
export const prepareView = (stack: string, config: StackConfig) => prepareMachine(stack, config, "view");

async function prepareMachine(
  stack: string,
  config: StackConfig,
  purpose: Purpose,
): Promise<Readonly<Record<string, string>>> {
  const overrides = pluginOverrides(config.mirrors);
  if (overrides !== undefined) process.env["PULUMI_PLUGIN_DOWNLOAD_URL_OVERRIDES"] ??= overrides;
  const { environment } = await ensureToolchain({
    stack,
    ...wantedPieces(stack, config, purpose),
    progress: lineProgress((line) => console.error(line)),
  });
  return environment;
}
