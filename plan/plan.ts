import { accountStep } from "./account";
import { localArtifact, type ArtifactIndex } from "./artifacts";
import type { Model, StackConfig } from "./config/schema";
import { modelStep } from "./engines/modelfile";
import { ollamaArtifact, ollamaStep } from "./engines/ollama";
import { firewallStep } from "./firewall";
import { gatewayStep } from "./gateway";
import { healthStep } from "./health";
import type { Requirements } from "./preflight";
import { phasePayload, planDigest, type PhasePayload } from "./render/payload";
import type { SandboxSettings } from "./sandbox";
import { PHASES, type PhaseName, type PlannedArtifact, type SecretReference, type Step } from "./step";

/** What the plan is made from besides the stack file: the machine's own, measured or chosen once. */
export interface PlanContext {
  readonly artifacts: ArtifactIndex;
  /** Debian's word for the host's architecture: `amd64` or `arm64`. */
  readonly architecture: string;
  /** PEM chain of the gateway, when the stack file gives one. */
  readonly certificate?: string;
  /** Present when the target is a sandbox. */
  readonly sandbox?: SandboxSettings;
}

/** The desired state: printable, free of secret values. Same input, same plan. */
export interface Plan {
  readonly steps: readonly Step[];
  readonly payloads: readonly PhasePayload[];
  /** API keys to make: `client/<name>/<slot>` with its generation. */
  readonly keys: readonly SecretReference[];
  readonly artifacts: readonly PlannedArtifact[];
  /** SHA-256 that a finished host shows in /var/lib/tms-llm/digest. */
  readonly digest: string;
  /** What preflight demands of the host. */
  readonly requirements: Requirements;
  /** URL of the gateway, as clients outside see it. */
  readonly endpoint: string;
}

/** Longest run of a phase, in seconds: downloads belong to engine and model. */
const PHASE_LIMIT_SECONDS: Readonly<Record<PhaseName, number>> = {
  base: 900,
  access: 300,
  engine: 3600,
  model: 7200,
  gateway: 900,
};

/** Name of the secret that holds a client's key. */
const keyName = (client: string, slot: "a" | "b") => `client/${client}/${slot}`;

function keys(config: StackConfig): SecretReference[] {
  return Object.entries(config.clients).flatMap(([client, slots]) =>
    (["a", "b"] as const).flatMap((slot) => {
      const generation = slots[slot];
      return generation === undefined ? [] : [{ name: keyName(client, slot), generation }];
    }),
  );
}

function modelFiles(model: Model, context: PlanContext): { weights?: PlannedArtifact; adapter?: PlannedArtifact } {
  const file = (source: string, sha256: string | undefined, name: string): PlannedArtifact => ({
    name,
    sha256: sha256 ?? "",
    source: { kind: "local", path: source.slice("file:".length) },
  });
  return {
    ...(model.source === "builtin:tiny" ? { weights: localArtifact(context.artifacts, "tiny-model", "weights") } : {}),
    ...(model.source.startsWith("file:") ? { weights: file(model.source, model.sha256, "weights") } : {}),
    ...(model.adapter ? { adapter: file(model.adapter, model.adapterSha256, "adapter") } : {}),
  };
}

/** Networks that may reach the endpoint; a sandbox adds its own machine and one probing address. */
function allowedNetworks(config: StackConfig, sandbox: SandboxSettings | undefined): string[] {
  const own = sandbox ? [sandbox.gateway4, sandbox.allowedProber4, sandbox.gateway6, sandbox.allowedProber6] : [];
  return [...config.access.allow, ...own];
}

function makeSteps(config: StackConfig, context: PlanContext, secrets: readonly SecretReference[]): Step[] {
  const { engine, gateway, access, target } = config;
  const firewall = {
    allow: allowedNetworks(config, context.sandbox),
    gatewayPort: gateway.port,
    enginePort: engine.port,
    sshPort: target.kind === "ssh" ? target.port : 22,
  };
  const archive = localArtifact(context.artifacts, ollamaArtifact(engine.version, context.architecture), "ollama");
  return [
    accountStep([...(access.firewall === "ufw" ? ["ufw"] : []), "nginx"]),
    ...(access.firewall === "ufw" ? [firewallStep(firewall)] : []),
    ollamaStep(config, archive),
    ...config.models.map((model) => modelStep(model, config, modelFiles(model, context))),
    gatewayStep(config, {
      secrets,
      addresses: context.sandbox ? [context.sandbox.address4, context.sandbox.address6] : [],
      ...(context.certificate === undefined ? {} : { certificate: context.certificate }),
    }),
    healthStep(config),
  ];
}

/** What Linux, nginx and the engine itself take, beside the models. */
const HOST_RESERVE_BYTES = 512 * 2 ** 20;

function requirements(config: StackConfig, architecture: string): Requirements {
  return {
    architecture,
    serverName: config.gateway.serverName,
    firewall: config.access.firewall,
    memoryReserveBytes: HOST_RESERVE_BYTES,
    // Below 550 Ollama warns once and computes on the CPU.
    gpu: { required: false, minimumDriver: 550 },
    memoryBytes: config.models.reduce((sum, model) => sum + (model.memory ?? 0), HOST_RESERVE_BYTES),
    diskBytes: { "/opt": 2 ** 30, "/var/lib": 2 ** 28 },
    ports: [
      { port: config.gateway.port, unit: "nginx.service" },
      { port: config.engine.port, unit: "tms-ollama.service" },
    ],
  };
}

function endpointUrl({ gateway, target }: StackConfig, sandbox: SandboxSettings | undefined): string {
  const scheme = gateway.tls.mode === "off" ? ("http" as const) : ("https" as const);
  if (sandbox) return `${scheme}://127.0.0.1:${sandbox.gatewayPort}`;
  if (target.kind !== "ssh") throw new Error("a sandbox target without sandbox settings");
  const host = target.host.includes(":") ? `[${target.host}]` : target.host;
  const usual = { http: 80, https: 443 }[scheme];
  return gateway.port === usual ? `${scheme}://${host}` : `${scheme}://${host}:${gateway.port}`;
}

/** StackConfig + context → Plan. Pure. */
export function makePlan(config: StackConfig, context: PlanContext): Plan {
  const secrets = keys(config);
  const steps = makeSteps(config, context, secrets);
  const payloads = PHASES.map((phase) =>
    phasePayload(
      phase,
      steps.filter((step) => step.phase === phase),
      PHASE_LIMIT_SECONDS[phase],
    ),
  );
  return {
    steps,
    payloads,
    keys: secrets,
    artifacts: steps.flatMap((step) => step.artifacts),
    digest: planDigest(payloads),
    requirements: requirements(config, context.architecture),
    endpoint: endpointUrl(config, context.sandbox),
  };
}
