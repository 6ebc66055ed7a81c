import { stackSchema, type StackConfig } from "../../plan/config/schema";
import type { ArtifactIndex } from "../../plan/artifacts";
import type { PythonEngineKind } from "../../plan/catalog/python-engines";
import { TRANSFORMERS_VERSIONS } from "../../plan/catalog/transformers";
import { VLLM_VERSIONS } from "../../plan/catalog/vllm";
import { cudaStubsArtifact, uvArtifact } from "../../plan/engines/python-environment";
import { makePlan, type Plan } from "../../plan/plan";
import type { Mount } from "../../plan/sandbox";
import type { SandboxSettings } from "../../plan/sandbox";
import { PHASES, type Step } from "../../plan/step";
import { findArtifact } from "../../toolchain/artifacts";
import { docker } from "../../toolchain/docker";
import { sandboxImage } from "../../toolchain/sandbox-image";
import { pythonPackages } from "../../toolchain/python-packages";
import { tinyModelArchive } from "../../toolchain/tiny-model-file";
import { obtain } from "./deployment";

/** An engine in Python, its build for CPUs, on a bare host, planned as for a sandbox. */

const VERSION = { vllm: VLLM_VERSIONS[0]!, transformers: TRANSFORMERS_VERSIONS[0]! } as const;

/** The lock files are for one architecture. */
export const ENGINE_IMPOSSIBLE = process.arch !== "x64";

/** Why the tests on a real engine are left out; undefined where they run. */
export const ENGINE_MISSING: Readonly<Record<PythonEngineKind, string | undefined>> = {
  vllm:
    process.env["TMS_LLM_VLLM"] === "1"
      ? undefined
      : "they take twenty minutes beside the deployment in tests/e2e; TMS_LLM_VLLM=1 runs them",
  transformers:
    process.env["TMS_LLM_TRANSFORMERS"] === "1"
      ? undefined
      : "they take ten minutes beside the deployment in tests/e2e; TMS_LLM_TRANSFORMERS=1 runs them",
};

export interface EngineMaterial {
  readonly image: string;
  readonly artifacts: ArtifactIndex;
}

export async function prepareEngine(kind: PythonEngineKind): Promise<EngineMaterial> {
  const daemon = obtain(docker);
  const version = VERSION[kind];
  const [image, uv, weights] = await Promise.all([
    obtain(sandboxImage(daemon)),
    obtain(pythonPackages({ kind, version })),
    obtain(tinyModelArchive),
  ]);
  const stubs = cudaStubsArtifact(kind, version);
  return {
    image,
    artifacts: { [uvArtifact(kind)]: uv, [stubs]: findArtifact(stubs)!, "tiny-model-folder": weights },
  };
}

/** Addresses that only have to be there: the test's clients are on the host itself. */
const SANDBOX: SandboxSettings = {
  id: "0123abcd",
  image: "",
  sshPort: 22,
  gatewayPort: 8080,
  subnet4: "10.1.2.0/24",
  gateway4: "10.1.2.1",
  address4: "10.1.2.10",
  allowedProber4: "10.1.2.20",
  refusedProber4: "10.1.2.30",
  subnet6: "fd00:1::/64",
  gateway6: "fd00:1::1",
  address6: "fd00:1::10",
  allowedProber6: "fd00:1::20",
  refusedProber6: "fd00:1::30",
  sshPrivateKeyFile: "",
  sshPublicKey: "",
  hostPrivateKeyFile: "",
  hostPublicKey: "",
};

const SETTINGS = {
  vllm: { parallel: 1, queue: 1 },
  transformers: { queue: 1 },
} as const;

/** The tiny model behind the engine and plain HTTP on port 8080; `engine` and `model` change single keys. */
export function engineStack(
  kind: PythonEngineKind,
  engine: Record<string, unknown> = {},
  model: Record<string, unknown> = {},
): StackConfig {
  return stackSchema.parse({
    target: { kind: "sandbox" },
    engine: { kind, variant: "cpu", drain: "60s", ...SETTINGS[kind], ...engine },
    models: [{ name: "tiny", source: "builtin:tiny", context: 8192, ...model }],
    gateway: { port: 8080, tls: { mode: "off" } },
  });
}

function planOf({ artifacts }: EngineMaterial, config: StackConfig): Plan {
  return makePlan(config, { artifacts, architecture: "amd64", stack: "test", sandbox: SANDBOX });
}

export const engineMounts = (material: EngineMaterial, config: StackConfig): readonly Mount[] =>
  planOf(material, config).mounts;

/** As options of `docker run`. */
export const mountOptions = (mounts: readonly Mount[]) =>
  mounts.flatMap(({ source, target }) => ["--volume", `${source}:${target}:ro`]);

/** The steps of the plan, in the order in which they run. */
export function stackSteps(material: EngineMaterial, config: StackConfig): readonly Step[] {
  const { steps } = planOf(material, config);
  return PHASES.flatMap((phase) => steps.filter((step) => step.phase === phase));
}
