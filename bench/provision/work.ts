import { ollamaArtifact } from "../../plan/engines/ollama";
import { parseStackConfig } from "../../plan/config/parse";
import type { StackConfig } from "../../plan/config/schema";
import { makePlan, type Plan } from "../../plan/plan";
import { phasePayload, planDigest } from "../../plan/render/payload";
import type { PhaseName } from "../../plan/step";

/** How the contenders reach a host; its key is pinned by all of them. */
export interface HostAccess {
  readonly host: string;
  /** Public host key: `ssh-ed25519 …`. */
  readonly hostKey: string;
  /** Private key for `root`, on this machine. */
  readonly privateKeyFile: string;
}

/** The work that is compared: what any web gateway on a Linux host needs, without an engine and its models. */
export interface HostWork {
  readonly config: StackConfig;
  /** The project's own plan, restricted to the steps of {@link STEPS}. */
  readonly plan: Plan;
}

const STEPS = ["account", "firewall", "gateway"];
const PHASE_LIMIT_SECONDS = 900;

// Own certificates would be made anew by each tool with the same openssl commands; plain HTTP leaves that constant out.
const stackFile = ({ host, hostKey, privateKeyFile }: HostAccess) => ({
  target: { kind: "ssh", host, hostKey, privateKeyFile },
  models: [{ name: "tiny", source: "ollama:none" }],
  gateway: { port: 8080, serverName: "llm.internal", tls: { mode: "off", accept: "plain-http" } },
  clients: { tms: { a: 1 }, batch: { a: 1 } },
  access: { allow: ["10.20.0.0/16", "10.30.0.0/16", "192.168.7.9", "fd12:3456:789a::/48", "fd00:7::9"] },
});

/** The planned host work for one host. Pure. */
export function hostWork(access: HostAccess, architecture: string): HostWork {
  const config = parseStackConfig(stackFile(access), { stack: "bench", file: "the benchmark's stack" });
  // The engine is planned and then left out, so its archive need not exist.
  const absent = { path: "", sha256: "0".repeat(64), origin: "local-build" } as const;
  const whole = makePlan(config, {
    artifacts: { [ollamaArtifact(config.engine.version, architecture)]: absent },
    stack: "bench",
    architecture,
  });
  const steps = whole.steps.filter(({ name }) => STEPS.includes(name));
  const phases = [...new Set(steps.map(({ phase }) => phase))] satisfies PhaseName[];
  const payloads = phases.map((phase) =>
    phasePayload(
      phase,
      steps.filter((step) => step.phase === phase),
      { limitSeconds: PHASE_LIMIT_SECONDS },
    ),
  );
  return { config, plan: { ...whole, steps, payloads, artifacts: [], digest: planDigest(payloads) } };
}
