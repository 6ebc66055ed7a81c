import { type Artifact } from "./artifacts";
import { docker, type Docker } from "./docker";
import { pulumiEnvironment } from "./environment";
import { ToolchainError } from "./failure";
import { ollama } from "./ollama";
import type { Intent, Piece } from "./piece";
import { type Plugin, plugins } from "./plugins";
import type { Progress } from "./progress";
import { type PulumiCli, pulumiCli } from "./pulumi-cli";
import { sandboxImage } from "./sandbox-image";
import { ensureSandboxSettings, type SandboxSettings } from "./sandbox-settings";
import { tinyModelFile } from "./tiny-model-file";

export interface ToolchainOptions {
  readonly stack: string;
  /** Whether the stack's target is a sandbox: it needs Docker and an image, and may use stand-ins and local builds. */
  readonly sandbox: boolean;
  /** Version of Ollama to have ready for delivery; without it none is. */
  readonly ollama?: string;
  /** Whether a model of the stack is `builtin:tiny`. */
  readonly tinyModel: boolean;
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
  const run = new Run(progress);

  const pulumi = run.add(pulumiCli());
  const provider = run.add(plugins({ pulumi: pulumi.result, allowStandIns: sandbox }));
  const daemon = sandbox ? run.add(docker) : undefined;
  const image = daemon && run.add(sandboxImage(daemon.result));
  const archive =
    options.ollama === undefined ? undefined : run.add(ollama({ version: options.ollama, allowLocalBuild: sandbox }));
  const weights = options.tinyModel ? run.add(tinyModelFile) : undefined;

  await run.all();
  const found = { pulumi: await pulumi.result, plugins: await provider.result };
  const dockerFound = daemon && (await daemon.result);
  if (image) await image.result;
  return {
    ...found,
    ...(dockerFound && { docker: dockerFound, sandbox: await ensureSandboxSettings(stack, dockerFound) }),
    artifacts: await Promise.all([archive, weights].flatMap((slot) => (slot ? [slot.result] : []))),
    environment: pulumiEnvironment({ ...found, sandbox, ...(dockerFound && { docker: dockerFound }) }),
  };
}

/** A piece of this run; `result` settles when it was found or made. */
class Slot<T> {
  readonly result: Promise<T>;
  settle!: (outcome: Promise<T>) => void;

  constructor() {
    this.result = new Promise((resolve) => {
      this.settle = resolve;
    });
    // A piece that waits for this one shares its failure, and `all` reports it once.
    this.result.catch(() => undefined);
  }
}

/** One look at everything, then the making of what is missing. */
class Run {
  private readonly looks: (() => Promise<Missing | undefined>)[] = [];

  constructor(private readonly progress: Progress) {}

  add<T>(piece: Piece<T>): Slot<T> {
    const slot = new Slot<T>();
    this.looks.push(async () => {
      const found = await piece.find();
      if (found !== undefined) {
        slot.settle(Promise.resolve(found));
        return undefined;
      }
      return {
        name: piece.name,
        plan: () => piece.plan(),
        make: async () => {
          slot.settle(piece.make((step) => this.progress.step(piece.name, step)));
          await slot.result;
          this.progress.done(piece.name);
        },
      };
    });
    return slot;
  }

  async all(): Promise<void> {
    const looked = await Promise.all(this.looks.map((look) => look()));
    const missing = looked.filter((piece) => piece !== undefined);
    if (missing.length === 0) return;
    const plans = await Promise.allSettled(
      missing.map(async (piece) => ({ name: piece.name, ...(await piece.plan()) })),
    );
    throwTogether(plans.flatMap((plan) => (plan.status === "rejected" ? [plan.reason as unknown] : [])));
    this.progress.announce(plans.flatMap((plan) => (plan.status === "fulfilled" ? [plan.value] : [])));
    try {
      await Promise.all(missing.map((piece) => piece.make()));
    } finally {
      this.progress.close();
    }
  }
}

interface Missing {
  readonly name: string;
  plan(): Promise<Intent>;
  make(): Promise<void>;
}

/** A user who has to see to several things wants to know them at once. */
function throwTogether(reasons: readonly unknown[]): void {
  const faults = reasons.map((reason) => {
    if (reason instanceof ToolchainError) return reason;
    throw reason as Error;
  });
  if (faults.length <= 1) {
    if (faults[0] !== undefined) throw faults[0];
    return;
  }
  throw new ToolchainError(
    `${faults.length} things are missing on this machine:\n${faults.map(({ what }) => `  - ${what}`).join("\n")}`,
    [...new Set(faults.map(({ why }) => why))].join("; "),
    [...new Set(faults.map(({ wayOut }) => wayOut))].join("\n    "),
    faults.some(({ exitCode }) => exitCode === 4) ? 4 : 3,
  );
}
