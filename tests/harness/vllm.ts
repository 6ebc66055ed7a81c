import { stackSchema, type StackConfig } from "../../plan/config/schema";
import type { ArtifactIndex } from "../../plan/artifacts";
import { VLLM_VERSIONS } from "../../plan/catalog/vllm";
import { cudaStubsArtifact, UV_ARTIFACT } from "../../plan/engines/vllm";
import { makePlan, type Mount, type Plan } from "../../plan/plan";
import type { SandboxSettings } from "../../plan/sandbox";
import { PHASES, type Step } from "../../plan/step";
import { findArtifact } from "../../toolchain/artifacts";
import { docker } from "../../toolchain/docker";
import { sandboxImage } from "../../toolchain/sandbox-image";
import { tinyModelArchive } from "../../toolchain/tiny-model-file";
import { vllmPackages } from "../../toolchain/vllm";
import { obtain } from "./deployment";

/** vLLM for CPUs on a bare host, planned as for a sandbox. */

const VERSION = VLLM_VERSIONS[0]!;

/** Why the tests on a real vLLM are left out; undefined where they run. */
export const VLLM_MISSING =
  process.env["TMS_LLM_VLLM"] === "1"
    ? undefined
    : "they take ten minutes and 0.9 GB to download; TMS_LLM_VLLM=1 runs them";

export interface VllmMaterial {
  readonly image: string;
  readonly artifacts: ArtifactIndex;
}

export async function prepareVllm(): Promise<VllmMaterial> {
  const daemon = obtain(docker);
  const [image, uv, weights] = await Promise.all([
    obtain(sandboxImage(daemon)),
    obtain(vllmPackages(VERSION)),
    obtain(tinyModelArchive),
  ]);
  const stubs = cudaStubsArtifact(VERSION);
  return {
    image,
    artifacts: { [UV_ARTIFACT]: uv, [stubs]: findArtifact(stubs)!, "tiny-model-folder": weights },
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

/** The tiny model behind vLLM and plain HTTP on port 8080; `engine` and `model` change single keys. */
export function vllmConfig(engine: Record<string, unknown> = {}, model: Record<string, unknown> = {}): StackConfig {
  return stackSchema.parse({
    target: { kind: "sandbox" },
    engine: { kind: "vllm", variant: "cpu", parallel: 1, queue: 1, drain: "30s", ...engine },
    models: [{ name: "tiny", source: "builtin:tiny", context: 2048, ...model }],
    gateway: { port: 8080, tls: { mode: "off" } },
  });
}

function planOf({ artifacts }: VllmMaterial, config: StackConfig): Plan {
  return makePlan(config, { artifacts, architecture: "amd64", stack: "test", sandbox: SANDBOX });
}

export const vllmMounts = (material: VllmMaterial): readonly Mount[] => planOf(material, vllmConfig()).mounts;

/** The steps of the plan, in the order in which they run. */
export function vllmSteps(material: VllmMaterial, config = vllmConfig()): readonly Step[] {
  const { steps } = planOf(material, config);
  return PHASES.flatMap((phase) => steps.filter((step) => step.phase === phase));
}
