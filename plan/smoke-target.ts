import type { StackConfig } from "./config/schema";
import { keyId, keyReferences, newestKey } from "./keys";
import { LOAD_TIMEOUT_SECONDS } from "./engines/ollama";
import { engineSocket } from "./engines/served-folder";
import type { Plan } from "./plan";
import type { PlanContext } from "./plan-context";
import { resolveStack } from "./sizing/resolve";
import type { ResolvedConfig } from "./sizing/resolved";
import { ENGINE_UNIT } from "./step";

export interface SmokeTargetInput {
  readonly config: StackConfig;
  readonly context: PlanContext;
  readonly plan: Plan;
  /** Client name → its key. */
  readonly keys: Readonly<Record<string, string>>;
  readonly caCertificate?: string | undefined;
}

/** What the smoke test is told about a deployment; holds keys, so it is a secret. */
export function smokeTarget({ config, context, plan, keys, caCertificate }: SmokeTargetInput) {
  const { gateway, objectives, engine, target } = config;
  const { sandbox } = context;
  const { config: resolved } = resolveStack(config, context.stack, context.facts);
  const embeddingModel = config.models.find(({ role }) => role === "embedding")?.name;
  // An operator's own certificate is what the gateway must show; whether clients trust its issuer is not known here.
  const trusted = { "own-ca": caCertificate, files: context.certificate, off: undefined }[gateway.tls.mode];
  // The others have no port: they are behind a Unix socket.
  const enginePorts = engine.kind === "ollama" ? [engine.port] : [];
  return {
    schema: "tms-llm/smoke-target/v1" as const,
    endpoint: plan.gatewayUrl,
    ...(trusted === undefined ? {} : { caCertificate: trusted }),
    ...(gateway.tls.mode === "off" ? {} : { serverName: gateway.serverName }),
    clients: Object.entries(keys).map(([name, key]) => ({ name, key, ...lastDay(config, name) })),
    models: config.models.map(({ name }) => name),
    ...(embeddingModel === undefined ? {} : { embeddingModel }),
    nativeApi: gateway.nativeApi,
    loadTimeout: engine.kind === "ollama" ? LOAD_TIMEOUT_SECONDS : 0,
    maxBodySize: gateway.maxBodySize,
    objectives,
    rateLimit: gateway.rateLimit,
    engine: {
      version: engine.version,
      question: versionQuestion(engine),
      unit: ENGINE_UNIT[engine.kind],
      parallel: requestsAtOnce(resolved.engine),
      // The others end such an answer, Ollama long after its context.
      ...(engine.kind === "vllm" ? { context: Math.min(...resolved.models.map((model) => model.context)) } : {}),
      // Ollama's own bound is on models that are still to be loaded; whoever waits for a loaded one waits without a bound.
      ...(engine.kind === "ollama" ? {} : { queue: engine.queue }),
      placement: placementQuestion(engine, plan.requirements.gpu?.required ?? false),
    },
    keyIds: keyReferences(config.clients).map(keyId),
    digest: plan.digest,
    ...(sandbox
      ? {
          access: {
            kind: "sandbox" as const,
            container: `tms-llm-${sandbox.id}`,
            network: `tms-llm-${sandbox.id}`,
            image: sandbox.image,
            address4: sandbox.address4,
            address6: sandbox.address6,
            allowedProber4: sandbox.allowedProber4,
            refusedProber4: sandbox.refusedProber4,
            allowedProber6: sandbox.allowedProber6,
            refusedProber6: sandbox.refusedProber6,
            gatewayPort: gateway.port,
            gatewayOpenToAll: config.access.firewall === "off",
            enginePorts,
          },
        }
      : {}),
    ...(target.kind === "ssh"
      ? {
          access: {
            kind: "ssh" as const,
            host: target.host,
            port: target.port,
            user: target.user,
            hostKey: target.hostKey,
            ...(target.privateKeyFile === undefined ? {} : { privateKeyFile: target.privateKeyFile }),
            ...(target.bastion === undefined ? {} : { bastion: target.bastion }),
            gatewayPort: gateway.port,
            enginePorts,
          },
        }
      : {}),
  };
}

/** Last day of the key that a client is handed out. */
function lastDay({ clients }: StackConfig, name: string): { expires?: string } {
  const client = clients[name];
  const expires = client && newestKey(name, client).expires;
  return expires === undefined ? {} : { expires };
}

/** Transformers answers one after the other. */
const requestsAtOnce = (engine: ResolvedConfig["engine"]) => (engine.kind === "transformers" ? 1 : engine.parallel);

const ASK = ["curl", "--silent", "--max-time", "5"] as const;

/** The command that makes the engine tell its version on the host. */
function versionQuestion(engine: StackConfig["engine"]): string[] {
  return engine.kind === "ollama"
    ? [...ASK, `http://127.0.0.1:${engine.port}/api/version`]
    : [...ASK, "--unix-socket", engineSocket(engine.kind), "http://localhost/version"];
}

/** How the host is asked where the engine has its models. */
function placementQuestion(engine: StackConfig["engine"], gpu: boolean) {
  if (engine.kind === "ollama")
    return {
      ...{ gpu: gpu && engine.device !== "any", asks: "ollama" as const },
      // A line each: a model may have been loaded under another of its names, and its digest tells.
      question: [
        ...ASK,
        "--write-out",
        "\\n",
        ...["tags", "ps"].map((list) => `http://127.0.0.1:${engine.port}/api/${list}`),
      ],
    };
  // The build decides; that for GPUs does not tell what it holds, the driver does.
  return gpu
    ? {
        ...{ gpu, asks: "nvidia-smi" as const },
        question: ["nvidia-smi", "--query-compute-apps=pid,used_memory", "--format=csv,noheader"],
      }
    : { gpu, asks: "nobody" as const, question: [] };
}
