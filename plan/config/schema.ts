import { z } from "zod";
import { duration, size, tokens } from "./units";

/** Every key of a stack file: type, default, unit and prose in one place; `docs/configuration.md` is generated from it. */

const port = () => z.number().int().min(1).max(65535);
const name = () => z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, "expected lower-case letters, digits and hyphens, at most 32");

const sandboxTarget = z.strictObject({
  kind: z.literal("sandbox").describe("A disposable systemd host in a container on this machine."),
  memory: size().default(4 * 2 ** 30).describe("Memory limit of the sandbox's container."),
});

const sshTarget = z.strictObject({
  kind: z.literal("ssh").describe("An existing host, reached over SSH."),
  host: z.string().min(1).describe("Name or address of the host."),
  port: port().default(22).describe("SSH port."),
  user: z.string().min(1).default("root").describe("SSH user: root, or one with passwordless sudo."),
  hostKey: z
    .string()
    .regex(/^(ssh-ed25519|ecdsa-sha2-nistp\d+|ssh-rsa) [A-Za-z0-9+/=]+$/, "expected a public host key, for example `ssh-ed25519 AAAA…`")
    .describe("Public host key of the host, as `ssh-keyscan` prints it after the name. Mandatory: a host that shows another key is refused."),
  privateKeyFile: z.string().min(1).optional().describe("Private key file on this machine; `~` is the home folder. Without it the SSH agent is asked."),
});

const model = z.strictObject({
  name: z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9._:/-]{0,127}$/).describe("The name that clients send as `model`."),
  source: z
    .string()
    .regex(/^(builtin:tiny|ollama:.+|hf\.co\/[^/]+\/[^/]+(:.+)?|file:.+)$/, 'expected "builtin:tiny", "ollama:<name>", "hf.co/<user>/<repository>:<quantization>" or "file:<path to a GGUF>"')
    .describe("`builtin:tiny` (random weights, made by this project), `ollama:<library name>`, `hf.co/<user>/<repo>:<quant>` or `file:<path>` (a GGUF file, with `sha256`)."),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hexadecimal digits").optional().describe("Checksum of a `file:` source; mandatory there."),
  context: tokens().default(4096).describe("Context length per request, in tokens. Always pinned on the host."),
  memory: size().optional().describe("Memory that the model needs when loaded; preflight refuses a host with less."),
  parameters: z.record(z.string(), z.union([z.string(), z.number()])).default({}).describe("Modelfile PARAMETER lines, e.g. `temperature: 0.3`."),
  system: z.string().optional().describe("System prompt (Modelfile SYSTEM)."),
  adapter: z.string().optional().describe("`file:<path>` of a GGUF LoRA adapter (Modelfile ADAPTER), with `adapterSha256`."),
  adapterSha256: z.string().regex(/^[0-9a-f]{64}$/).optional().describe("Checksum of the adapter."),
});

const engine = z.strictObject({
  kind: z.literal("ollama").describe("Which engine serves the models."),
  version: z.string().default("0.17.4").describe("A version in the release catalogue."),
  parallel: z.number().int().min(1).max(64).default(1).describe("Requests that one model answers at the same time; memory grows with it."),
  keepAlive: duration().default(3600 * 24).describe("How long an idle model stays loaded."),
  queue: z.number().int().min(1).max(4096).default(64).describe("Waiting requests before the engine answers 503."),
  port: port().default(11434).describe("Loopback port of the engine."),
  memoryMax: size().optional().describe("Memory limit of the engine's unit; without it the unit has none."),
});

const tls = z.discriminatedUnion("mode", [
  z.strictObject({ mode: z.literal("own-ca").describe("A private CA made on the host; its certificate is a stack output.") }),
  z.strictObject({
    mode: z.literal("files").describe("A certificate of your own."),
    certificate: z.string().describe("Path of the PEM chain on this machine."),
    privateKey: z.string().describe("Path of the PEM key on this machine."),
  }),
  z.strictObject({
    mode: z.literal("off").describe("Plain HTTP."),
    accept: z.literal("plain-http").optional().describe("Outside sandboxes, the explicit consent to keys and prompts in clear."),
  }),
]);

const gateway = z.strictObject({
  port: port().default(443).describe("Port on which the host serves the endpoint."),
  serverName: z.string().default("llm.internal").describe("Name in the certificate and in nginx's `server_name`."),
  tls: tls.default({ mode: "own-ca" }).describe("How the endpoint is encrypted."),
  rateLimit: z
    .strictObject({
      requestsPerMinute: z.number().int().min(1).default(600).describe("Sustained requests per client and minute."),
      burst: z.number().int().min(0).default(60).describe("Requests above the rate that pass at once."),
    })
    .prefault({})
    .describe("Per client; above it: 429 with Retry-After."),
  maxBodySize: size().default(4 * 2 ** 20).describe("Largest request body; above it: 413."),
  readTimeout: duration().default(600).describe("Longest silence of the engine, loading a model included."),
  applicationRoute: z
    .strictObject({ upstream: z.string().regex(/^127\.0\.0\.1:\d+$/).default("127.0.0.1:3000").describe("Where the application listens on the host.") })
    .optional()
    .describe("Passes `/api/llm/` to the application, which authenticates by itself."),
  nativeApi: z.boolean().default(false).describe("Opens Ollama's native `/api/chat`, `/api/generate`, `/api/tags` and `/api/embed`, with the same keys."),
});

const generation = () => z.number().int().min(1);
const client = z.strictObject({
  a: generation().optional().describe("Generation of the key in slot a; a higher number is a new key."),
  b: generation().optional().describe("Generation of the key in slot b. Two live keys are all that rotation needs."),
});

const access = z.strictObject({
  allow: z.array(z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()])).default([]).describe("Networks whose machines may reach the endpoint. A sandbox adds its own."),
  firewall: z.enum(["ufw", "off"]).default("ufw").describe("`ufw`: default deny, SSH and the endpoint open. `off`: the firewall is somebody else's work."),
});

const objectives = z.strictObject({
  health: duration().default(0.1).describe("Longest answer time of /health."),
  ttft: duration().default(2).describe("Longest time to first token."),
  total: duration().default(30).describe("Longest time of a whole answer."),
});

export const stackSchema = z.strictObject({
  target: z.discriminatedUnion("kind", [sandboxTarget, sshTarget]).describe("Where the endpoint lives."),
  engine: engine.prefault({ kind: "ollama" }).describe("The inference server."),
  models: z.array(model).min(1).describe("The models behind the endpoint; the first is the default."),
  gateway: gateway.prefault({}).describe("Nginx, the only door."),
  clients: z.record(name(), client).default({ tms: { a: 1 } }).describe("Who holds API keys: client name → generation per key slot."),
  access: access.prefault({}).describe("Firewall."),
  objectives: objectives.prefault({}).describe("What the smoke test demands."),
});

export type StackConfig = z.output<typeof stackSchema>;
export type Model = StackConfig["models"][number];
export type Target = StackConfig["target"];
