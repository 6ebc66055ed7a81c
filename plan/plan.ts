import { accountStep } from "./account";
import { addressStep } from "./address";
import { applications, applicationStep, type Application } from "./application";
import { findModel } from "./catalog/models";
import type { StackConfig, Target } from "./config/schema";
import { existingStep } from "./existing";
import { containerToolkitSteps } from "./container-toolkit";
import { driverSteps } from "./driver";
import { engineRequirements, engineSteps, sandboxMounts } from "./engines/engine";
import { ENGINE_KEY } from "./engines/vllm";
import { firewallManager, firewallStep, type FirewallChoice } from "./firewall";
import { gatewayStep } from "./gateway";
import { healthStep } from "./health";
import { keyReferences, type KeyReference } from "./keys";
import { mirroredModelSource } from "./mirrors";
import { hostsStep, proxyVariables } from "./network";
import { systemRow } from "./os";
import { termsOf } from "./rules/terms";
import type { Requirements } from "./preflight";
import { phasePayload, planDigest, type PhasePayload } from "./render/payload";
import type { PlanContext, RequirementContext } from "./plan-context";
import { wayOut } from "./servers";
import type { Mount, SandboxSettings } from "./sandbox";
import { weightBytes } from "./sizing/arithmetic";
import { resolveStack, type Resolution } from "./sizing/resolve";
import type { ResolvedConfig, ResolvedModel } from "./sizing/resolved";
import { PHASES, type PhaseName, type PlannedArtifact, type Step } from "./step";

/** The desired state: printable, free of secret values. Same input, same plan. */
export interface Plan {
  readonly steps: readonly Step[];
  readonly payloads: readonly PhasePayload[];
  /** Keys to make, with their generations: `client/<name>/<slot>`, and `engine/<name>` between the gateway and an engine. */
  readonly keys: readonly KeyReference[];
  readonly artifacts: readonly PlannedArtifact[];
  /** SHA-256 that a finished host shows in /var/lib/tms-llm/digest. */
  readonly digest: string;
  /** Folders of this machine that a sandbox sees, read-only. */
  readonly mounts: readonly Mount[];
  /** What preflight demands of the host. */
  readonly requirements: Requirements;
  /** URL of the gateway, as clients outside ask for it: by a name that its certificate has. */
  readonly endpoint: string;
  /** URL by which this machine reaches it, whatever name its certificate has. */
  readonly gatewayUrl: string;
  /** What each client's env file says, but for the key. */
  readonly applications: Readonly<Record<string, Application>>;
}

/** Longest run of a phase, in seconds: downloads belong to engine and model. */
const PHASE_LIMIT_SECONDS: Readonly<Record<PhaseName, number>> = {
  // A driver is half a gigabyte, and its module is built on the host.
  base: 3600,
  access: 300,
  engine: 3600,
  model: 7200,
  gateway: 900,
};

/** The phases that restart the engine wait for the answers that are under way. */
const phaseLimit = (phase: PhaseName, { drain }: ResolvedConfig["engine"]) =>
  PHASE_LIMIT_SECONDS[phase] + (phase === "engine" || phase === "model" ? Math.ceil(drain) : 0);

/** Networks that may reach the endpoint; a sandbox adds its own machine and one probing address. */
function allowedNetworks(config: StackConfig, sandbox: SandboxSettings | undefined): string[] {
  const own = sandbox ? [sandbox.gateway4, sandbox.allowedProber4, sandbox.gateway6, sandbox.allowedProber6] : [];
  return [...config.access.allow, ...own];
}

/** A sandbox is Debian; another host's family stands in its facts file, and without one the host itself decides. */
function plannedFirewall({ access, target }: ResolvedConfig, { facts }: PlanContext): FirewallChoice {
  const family = target.kind === "sandbox" ? "debian" : facts && systemRow(facts.system)?.family;
  return family === undefined ? access.firewall : firewallManager(access.firewall, family);
}

/** The port on which sshd listens on the host itself. */
const sshdPort = (target: Target) => (target.kind === "ssh" ? (target.sshdPort ?? target.port) : 22);

function makeSteps(config: ResolvedConfig, context: PlanContext, secrets: readonly KeyReference[]): Step[] {
  const { gateway, target } = config;
  const manager = plannedFirewall(config, context);
  const firewall = {
    allow: allowedNetworks(config, context.sandbox),
    gatewayPort: gateway.port,
    ...(config.engine.kind === "ollama" ? { enginePort: config.engine.port } : {}),
    sshPort: sshdPort(target),
  };
  return [
    ...[addressStep(config.network), hostsStep(config.network)].filter((step) => step !== undefined),
    accountStep(["nginx"], manager),
    ...driverSteps(config, context.stack, context.facts),
    ...containerToolkitSteps(config, context.stack, context.facts),
    ...(manager === "off" ? [] : [firewallStep({ manager, ...firewall })]),
    ...[existingStep(config)].filter((step) => step !== undefined),
    ...engineSteps(config, context),
    gatewayStep(config, {
      secrets,
      embeddings: config.models.some(({ role }) => role === "embedding"),
      addresses: context.sandbox ? [context.sandbox.address4, context.sandbox.address6] : [],
      ...(context.certificate === undefined ? {} : { certificate: context.certificate }),
    }),
    healthStep(config, secrets),
    ...[applicationStep(config)].filter((step) => step !== undefined),
  ];
}

/** Bytes of models in memory: a GPU's memory is judged by the facts file, the host's where the engine computes there. */
function memoryOfModels({ config, needs, placement }: Resolution): number {
  if (placement?.device === "gpu") return 0;
  const computed = (name: string) => (placement ? (needs[name] ?? 0) : 0);
  return config.models.reduce((sum, { name, memory }) => sum + (memory ?? computed(name)), 0);
}

/** Bytes of a model's weights; 0 where the catalogue does not know it. */
function knownWeights({ source, catalog }: ResolvedModel): number {
  const match = findModel(source, catalog);
  return match ? weightBytes(match.model, match.quantization) : 0;
}

/** Bytes of weights that a deployment brings to the host, as far as the catalogue knows. */
function weightsOnDisk({ models }: ResolvedConfig, kind: "any" | "file:"): number {
  const isThere = ({ source, download }: ResolvedModel) => source.startsWith("folder:") || !download;
  const brought = models.filter((model) => model.source.startsWith(kind === "any" ? "" : kind) && !isThere(model));
  return brought.reduce((sum, model) => sum + knownWeights(model), 0);
}

/** What a plan of the stack would demand of the host, without what this machine delivers. @throws PlanRefused */
export function planRequirements(config: StackConfig, context: RequirementContext): Requirements {
  return requirements(resolveStack(config, context.stack, context.facts), context);
}

function requirements(resolution: Resolution, context: RequirementContext): Requirements {
  const { config, placement } = resolution;
  const engine = engineRequirements(config, context);
  const out = wayOut(config, context);
  const largest = Math.max(...config.models.map(knownWeights));
  return {
    architecture: engine.architecture ?? context.architecture,
    serverName: config.gateway.serverName,
    firewall: config.access.firewall,
    existing: config.existing,
    memoryReserveBytes: engine.memoryBytes,
    ...(config.gpu.containerToolkit === "install" ? { docker: true } : {}),
    ...(config.gpu.driver === "install" ? { driver: config.gpu } : {}),
    ...(engine.glibc === undefined ? {} : { glibc: engine.glibc }),
    ...(engine.pythonHeaders === undefined ? {} : { pythonHeaders: engine.pythonHeaders }),
    ...(engine.lowestGlibc === undefined ? {} : { lowestGlibc: engine.lowestGlibc }),
    gpu: {
      ...engine.gpu,
      required: engine.gpu.required || placement?.device === "gpu",
      ...(largest > 0 ? { weightBytes: largest } : {}),
    },
    memoryBytes: engine.memoryBytes + memoryOfModels(resolution),
    diskBytes: {
      "/opt": weightsOnDisk(config, "any"),
      // A file lies there as it was sent, before the engine takes it into its own store.
      "/var/lib": 2 ** 28 + weightsOnDisk(config, "file:"),
    },
    release: engine.release,
    ports: [{ port: config.gateway.port, unit: "nginx.service" }, ...engine.ports],
    sshPort: sshdPort(config.target),
    ...(out ? { wayOut: out } : {}),
    ...(context.facts ? { recorded: { stack: context.stack, facts: context.facts } } : {}),
  };
}

function gatewayUrl({ gateway, target }: StackConfig, sandbox: SandboxSettings | undefined): string {
  if (sandbox) return urlOf(gateway, "127.0.0.1", sandbox.gatewayPort);
  if (target.kind !== "ssh") throw new Error("a sandbox target without sandbox settings");
  return urlOf(gateway, target.host, gateway.port);
}

/** An operator's own certificate names the server, and seldom the address by which the operator reaches it. */
function endpointUrl(config: StackConfig, sandbox: SandboxSettings | undefined): string {
  const { gateway } = config;
  return gateway.tls.mode === "files" && !sandbox
    ? urlOf(gateway, gateway.serverName, gateway.port)
    : gatewayUrl(config, sandbox);
}

function urlOf({ tls }: StackConfig["gateway"], name: string, port: number): string {
  const scheme = tls.mode === "off" ? ("http" as const) : ("https" as const);
  const host = name.includes(":") ? `[${name}]` : name;
  const usual = { http: 80, https: 443 }[scheme];
  return port === usual ? `${scheme}://${host}` : `${scheme}://${host}:${port}`;
}

function fromMirrors(config: ResolvedConfig): ResolvedConfig {
  const { models, mirrors } = config;
  return {
    ...config,
    models: models.map((model) => ({ ...model, source: mirroredModelSource(model.source, mirrors) })),
  };
}

/** StackConfig + context → Plan. Pure. @throws PlanRefused where what is left on `auto` has no answer, or nothing fits */
export function makePlan(written: StackConfig, context: PlanContext): Plan {
  const resolution = resolveStack(written, context.stack, context.facts);
  const { config } = resolution;
  const secrets = keyReferences(written.clients);
  const ownKeys = config.engine.kind === "vllm" ? [ENGINE_KEY] : [];
  const steps = makeSteps(fromMirrors(config), context, secrets).map((step) => ({
    ...step,
    terms: termsOf(step, written),
  }));
  const payloads = PHASES.map((phase) =>
    phasePayload(
      phase,
      steps.filter((step) => step.phase === phase),
      { limitSeconds: phaseLimit(phase, config.engine), environment: proxyVariables(config.network) },
    ),
  );
  const endpoint = endpointUrl(written, context.sandbox);
  return {
    steps,
    payloads,
    keys: [...secrets, ...ownKeys],
    artifacts: steps.flatMap((step) => step.artifacts),
    digest: planDigest(payloads),
    mounts: sandboxMounts(config, context),
    requirements: requirements(resolution, context),
    endpoint,
    gatewayUrl: gatewayUrl(written, context.sandbox),
    applications: applications(config, endpoint),
  };
}
