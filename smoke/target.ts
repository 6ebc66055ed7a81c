import { z } from "zod";
import { endOfDay } from "../plan/config/dates";

/** Where the engine's ports and the firewall can be probed from: a second container on the sandbox's own network. */
const sandboxAccess = z.strictObject({
  kind: z.literal("sandbox"),
  container: z.string(),
  network: z.string(),
  image: z.string(),
  address4: z.ipv4(),
  address6: z.ipv6(),
  allowedProber4: z.ipv4(),
  refusedProber4: z.ipv4(),
  allowedProber6: z.ipv6(),
  refusedProber6: z.ipv6(),
  /** Port of the gateway on the host itself. */
  gatewayPort: z.number().int(),
  /** Whether the firewall is somebody else's work, so that nothing here keeps the other neighbour from the gateway. */
  gatewayOpenToAll: z.boolean(),
  /** None for an engine behind a Unix socket. */
  enginePorts: z.array(z.number().int()),
});

const sshEndpoint = {
  host: z.string(),
  port: z.number().int(),
  user: z.string(),
  hostKey: z.string(),
  /** On this machine; without it the agent is asked. */
  privateKeyFile: z.string().optional(),
};

/** An existing host: it is looked into over SSH, and its ports are tried from this machine. */
const sshAccess = z.strictObject({
  kind: z.literal("ssh"),
  ...sshEndpoint,
  bastion: z.strictObject(sshEndpoint).optional(),
  gatewayPort: z.number().int(),
  /** None for an engine behind a Unix socket. */
  enginePorts: z.array(z.number().int()),
});

/** What the smoke test is told about a deployment. Holds keys: it comes through standard input and is never printed. */
export const smokeTargetSchema = z.strictObject({
  schema: z.literal("tms-llm/smoke-target/v1"),
  /** URL of the gateway, without a path. */
  endpoint: z.url({ protocol: /^https?$/ }).refine((url) => /^https?:\/\/[^/]+\/?$/.test(url), "must have no path"),
  /** PEM of the private CA, or of the certificate that the operator gave; without it the usual authorities are trusted. */
  caCertificate: z.string().optional(),
  /** Name in the gateway's certificate. */
  serverName: z.string().optional(),
  clients: z
    .array(
      z.strictObject({
        name: z.string(),
        key: z.string().min(8),
        /** Last day of the key, UTC. */
        expires: z.iso.date().optional(),
      }),
    )
    .min(1),
  /** Names of the models; empty where they are not known, then the first that is listed is asked. */
  models: z.array(z.string()),
  /** Name of the model for embeddings; without one their path must be closed. */
  embeddingModel: z.string().optional(),
  /** Whether Ollama's native paths are meant to be open. */
  nativeApi: z.boolean(),
  /** Largest request body, in bytes. */
  maxBodySize: z.number().int().optional(),
  /** Seconds. */
  objectives: z.strictObject({
    health: z.number().positive(),
    ttft: z.number().positive(),
    total: z.number().positive(),
  }),
  rateLimit: z
    .strictObject({ requestsPerMinute: z.number().int().positive(), burst: z.number().int().nonnegative() })
    .optional(),
  engine: z
    .strictObject({
      version: z.string(),
      /** The command that makes the engine tell its version on the host. */
      question: z.array(z.string()),
      /** Its unit of systemd. */
      unit: z.string(),
      /** Requests that it answers at the same time. */
      parallel: z.number().int().positive(),
      /** Tokens that question and answer may have together, where the engine refuses who asks for more. */
      context: z.number().int().positive().optional(),
      /** Requests that it keeps waiting before it refuses, where it has such a bound. */
      queue: z.number().int().positive().optional(),
      /** Where its models lie. */
      placement: z.strictObject({
        /** Whether the plan is made for a GPU. */
        gpu: z.boolean(),
        /** Who is asked on the host, which says how the answer is read; nobody where there is one place only. */
        asks: z.enum(["ollama", "nvidia-smi", "nobody"]),
        question: z.array(z.string()),
      }),
    })
    .optional(),
  /** What the keys of all clients are called, `<client>/<slot>/<generation>`: those of the plan and no other. */
  keyIds: z.array(z.string()).optional(),
  /** Digest that the host must show. */
  digest: z.string().optional(),
  /** Seconds that an engine may take to load a model that was idle; 0 where models are loaded for good. */
  loadTimeout: z.number().nonnegative().default(0),
  access: z.discriminatedUnion("kind", [sandboxAccess, sshAccess]).optional(),
  /** Checks to leave out, by id; a check that could not measure and is not excluded keeps the whole from passing. */
  exclude: z.array(z.string()).default([]),
});

export type SmokeTarget = z.output<typeof smokeTargetSchema>;
export type HostAccess = NonNullable<SmokeTarget["access"]>;
export type SshAccess = z.output<typeof sshAccess>;
export type SandboxAccess = z.output<typeof sandboxAccess>;

/** Without the clients whose key has ended, as it should; where no other is left, a client's view of that is the result. */
export function withLastingKeys(target: SmokeTarget, now: Date): SmokeTarget {
  const lasting = target.clients.filter(
    ({ expires }) => expires === undefined || endOfDay(expires) * 1000 > now.getTime(),
  );
  return lasting.length === 0 ? target : { ...target, clients: lasting };
}
