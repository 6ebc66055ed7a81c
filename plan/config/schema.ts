import { z } from "zod";
import { applicationSchema } from "./application";
import { day } from "./dates";
import { engineSchema } from "./engine";
import { existingSchema } from "./existing";
import { gpuSchema } from "./gpu";
import { hostKey } from "./host-key";
import { mirrorsSchema } from "./mirrors";
import { modelParameters } from "./model-parameters";
import { modelSource } from "./model-source";
import { networkSchema } from "./network";
import { hostName, hostOrAddress, network } from "./networks";
import { duration, size, tokensOrAuto } from "./units";
import { text, wordings } from "./wording";

/** Every key of a stack file: type, default, unit and prose in one place; `docs/configuration.md` is generated from it. */

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const TIB = 2 ** 40;
const HOUR = 3600;
const DAY = 24 * HOUR;

const port = (min = 1) => z.number().int().min(min).max(65535);
const sha256 = () =>
  text(/^[0-9a-f]{64}$/, {
    expected: "64 hexadecimal digits in lower case, as sha256sum prints them",
    type: "SHA-256",
    hint: "Put digits alone in quotes: YAML takes them for a number.",
  });
// A line feed would start a line of its own in the file or command that the path ends up in.
const path = () => text(/^[^\r\n\0]+$/, { expected: "a path on this machine", type: "path" });

const sandboxTarget = z.strictObject({
  kind: z.literal("sandbox").describe("A disposable systemd host in a container on this machine."),
  memory: size({ min: 512 * MIB, max: 4 * TIB })
    .default(4 * GIB)
    .describe("Memory limit of the sandbox's container."),
});

const sshUser = () => text(/^[a-z_][a-z0-9_.-]{0,31}$/i, { expected: "a user name on the host", type: "text" });

const bastion = z.strictObject({
  host: hostOrAddress().describe("Name or address of the bastion, as this machine reaches it."),
  port: port().default(22).describe("SSH port of the bastion."),
  user: sshUser().default("root").describe("SSH user on the bastion; it needs no rights there but to forward."),
  hostKey: hostKey().describe("Public host key of the bastion."),
  privateKeyFile: path().optional().describe("Private key file for the bastion; without it the SSH agent is asked."),
});

const sshTarget = z.strictObject({
  kind: z.literal("ssh").describe("An existing host, reached over SSH."),
  host: hostOrAddress().describe("Name or address of the host."),
  port: port().default(22).describe("SSH port, as this machine reaches it."),
  sshdPort: port()
    .optional()
    .describe(
      "Port on which sshd listens on the host itself, where `port` is forwarded to another one (NAT, a cloud's port mapping): the one that the firewall keeps open. Without it: `port`.",
    ),
  user: sshUser().default("root").describe("SSH user: root, or one with passwordless sudo."),
  hostKey: hostKey().describe(
    "Public host key of the host, as `ssh-keyscan` prints it after the name. Mandatory: a host that shows another key is refused.",
  ),
  privateKeyFile: path()
    .optional()
    .describe("Private key file on this machine; `~` is the home folder. Without it the SSH agent is asked."),
  bastion: bastion
    .optional()
    .describe("An SSH server through which the host is reached; `host` and `port` are then as the bastion sees them."),
});

const model = z.strictObject({
  name: text(/^[a-zA-Z0-9][a-zA-Z0-9._:/-]{0,127}$/, {
    expected: "letters, digits and . _ : / -, at most 128, a letter or digit first",
    type: "name",
  }).describe("The name that clients send as `model`."),
  role: z
    .enum(["general", "code", "small", "embedding"])
    .optional()
    .describe(
      "What the model is for, each at most once. `embedding` opens `/v1/embeddings`, and the model is proven there; the others tell people and applications which name to send.",
    ),
  source: modelSource().describe(
    "`builtin:tiny` (random weights, made by this project; sandboxes only). For Ollama: `ollama:<library name>`, `hf.co/<user>/<repository>:<quantization>` or `file:<path>` (a GGUF file, with `sha256`). For vLLM and Transformers: `hf.co/<user>/<repository>@<commit>`, whose safetensors [the host fetches](components/engine.md#weights-from-hugging-face), or `folder:<path on the host>` (Hugging Face's format, with `sha256`).",
  ),
  sha256: sha256()
    .optional()
    .describe(
      "Mandatory for `file:`, its checksum, for `ollama:` and `hf.co/` outside sandboxes, that of the weights (the GGUF file), and for `folder:`, that of the list which `find . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum` makes in the folder; outside sandboxes also for `hf.co/…@…`, the same of what the host has fetched.",
    ),
  download: z
    .boolean()
    .default(true)
    .describe(
      "For `hf.co/…@…`: whether the host fetches what it does not have. With `false` it asks nobody, and the files have to lie in their folder, which the failure names.",
    ),
  catalog: text(/^[a-z0-9][a-z0-9.-]*:\w+$/, {
    expected: "<catalogue name>:<quantization>, for example kanana-1.5-8b:Q4_K_M",
    type: "name",
  })
    .optional()
    .describe(
      "What a `file:`, `folder:` or `hf.co/…@…` source is in the catalogue of models, as `kanana-1.5-8b:Q4_K_M` or `kanana-1.5-8b:bf16`; with it the source can be sized. Repositories that the catalogue names need none.",
    ),
  acceptLicence: text(/^[a-z0-9.-]+$/, { expected: "the name of a licence in the catalogue of models", type: "name" })
    .optional()
    .describe("The explicit consent to a licence that restricts use, by its name; mandatory for such a model."),
  context: tokensOrAuto({ min: 128, max: 2 * MIB })
    .default(4096)
    .describe(
      "Context length per request. Always pinned on the host. `auto` takes the longest that the host has memory for, by the facts file.",
    ),
  memory: size({ min: MIB, max: 4 * TIB })
    .optional()
    .describe(
      "Memory that the model needs when loaded; preflight refuses a host with less. With `context: auto`, what it may take.",
    ),
  parameters: modelParameters().default({}).describe("Modelfile PARAMETER lines, e.g. `temperature: 0.3`."),
  // A Modelfile has no escape for the quotes that end a text of several lines.
  system: z
    .string()
    .min(1)
    .refine((prompt) => !prompt.includes('"""'))
    .register(wordings, { expected: 'a text without """', type: "text" })
    .optional()
    .describe("System prompt (Modelfile SYSTEM)."),
  adapter: text(/^file:[^\r\n]+$/, { expected: "file:<path to a GGUF file>", type: "source" })
    .optional()
    .describe("`file:<path>` of a GGUF LoRA adapter (Modelfile ADAPTER), with `adapterSha256`."),
  adapterSha256: sha256().optional().describe("Checksum of the adapter; mandatory with one."),
});

const tls = z.discriminatedUnion("mode", [
  z.strictObject({
    mode: z.literal("own-ca").describe("A private CA made on the host; its certificate is a stack output."),
  }),
  z.strictObject({
    mode: z.literal("files").describe("A certificate of your own."),
    certificate: path().describe("Path of the PEM chain on this machine."),
    privateKey: path().describe("Path of the PEM key on this machine."),
  }),
  z.strictObject({
    mode: z.literal("off").describe("Plain HTTP."),
    accept: z
      .literal("plain-http")
      .optional()
      .describe("Outside sandboxes, the explicit consent to keys and prompts in clear."),
  }),
]);

const gateway = z.strictObject({
  port: port().default(443).describe("Port on which the host serves the endpoint."),
  serverName: hostName().default("llm.internal").describe("Name in the certificate and in nginx's `server_name`."),
  tls: tls.default({ mode: "own-ca" }).describe("How the endpoint is encrypted."),
  rateLimit: z
    .strictObject({
      requestsPerMinute: z
        .number()
        .int()
        .min(1)
        .max(600_000)
        .default(600)
        .describe("Sustained requests per client and minute."),
      burst: z.number().int().min(0).max(100_000).default(60).describe("Requests above the rate that pass at once."),
    })
    .prefault({})
    .describe("Per client; above it: 429 with Retry-After."),
  maxBodySize: size({ min: 1024, max: GIB })
    .default(4 * MIB)
    .describe("Largest request body; above it: 413."),
  readTimeout: duration({ min: 1, max: DAY })
    .default(600)
    .describe("Longest silence of the engine, loading a model included."),
  applicationRoute: z
    .strictObject({
      upstream: text(/^127\.0\.0\.1:(?!0)(\d{1,4}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])$/, {
        expected: "127.0.0.1:<port>",
        type: "address",
      })
        .default("127.0.0.1:3000")
        .describe("Where the application listens on the host."),
    })
    .optional()
    .describe("Passes `/api/llm/` to the application, which authenticates by itself; `{}` for its defaults."),
  nativeApi: z
    .boolean()
    .default(false)
    .describe("Opens Ollama's native `/api/chat`, `/api/generate`, `/api/tags` and `/api/embed`, with the same keys."),
});

const clientName = text(/^[a-z][a-z0-9-]{0,31}$/, {
  expected: "a name of lower-case letters, digits and hyphens, a letter first, at most 32",
});
const generation = () => z.number().int().min(1).max(1_000_000);
const slot = () =>
  z
    .union([generation(), z.strictObject({ generation: generation(), expires: day().optional() })])
    .transform((key) => (typeof key === "number" ? { generation: key } : key))
    .register(wordings, {
      expected: 'a whole number from 1 to 1000000, or { generation: 1, expires: "2026-12-31" }',
      type: 'whole number from 1 to 1000000, or `{ generation: 1, expires: "2026-12-31" }`',
    });
const client = z.strictObject({
  a: slot().optional().describe("Generation of the key in slot a; a higher number is a new key."),
  b: slot().optional().describe("Generation of the key in slot b. Two live keys are all that rotation needs."),
  expires: day()
    .optional()
    .describe(
      "Last day (UTC) of all of the client's keys. The host itself refuses them from the next midnight on; a slot's own `expires` may end its key earlier.",
    ),
  application: applicationSchema.prefault({}).describe("What the client's env file says beside the key."),
});

const access = z.strictObject({
  allow: z
    .array(network())
    .default([])
    .describe("Networks whose machines may reach the endpoint. A sandbox adds its own."),
  acceptPublic: z
    .boolean()
    .default(false)
    .describe("The explicit consent to an `allow` that takes in the internet, such as `0.0.0.0/0`."),
  firewall: z
    .enum(["auto", "ufw", "firewalld", "off"])
    .default("auto")
    .describe(
      "`ufw`: default deny, SSH and the endpoint open. `firewalld`: SSH open, the endpoint for `allow` alone, the engine's port closed; what the host's zones open besides stays open. `auto`: firewalld on RHEL's family, ufw elsewhere. `off`: the firewall is somebody else's work.",
    ),
});

const objectives = z.strictObject({
  health: duration({ min: 0.001, max: HOUR }).default(0.1).describe("Longest answer time of /health."),
  ttft: duration({ min: 0.001, max: HOUR }).default(2).describe("Longest time to first token."),
  total: duration({ min: 0.001, max: HOUR }).default(30).describe("Longest time of a whole answer."),
});

export const stackSchema = z.strictObject({
  target: z.discriminatedUnion("kind", [sandboxTarget, sshTarget]).describe("Where the endpoint lives."),
  engine: engineSchema.prefault({ kind: "ollama" }).describe("The inference server."),
  gpu: gpuSchema.prefault({}).describe("The GPU's own software on a host of one's own."),
  models: z
    .array(model)
    .min(1)
    .register(wordings, { expected: "a list with at least one model, each with a name and a source" })
    .describe("The models behind the endpoint; the first is the default."),
  gateway: gateway.prefault({}).describe("Nginx, the only door."),
  clients: z
    .record(clientName, client)
    .register(wordings, { expected: "a mapping of client names, for example { tms: { a: 1 } }" })
    .prefault({ tms: { a: 1 } })
    .describe("Who holds API keys: client name → generation per key slot."),
  access: access.prefault({}).describe("Firewall."),
  existing: existingSchema.prefault({}).describe("Installations that were on the host before."),
  objectives: objectives.prefault({}).describe("What the smoke test demands."),
  network: networkSchema.prefault({}).describe("How the host gets out."),
  mirrors: mirrorsSchema.prefault({}).describe("What stands in the place of the internet's sources."),
});

export type StackConfig = z.output<typeof stackSchema>;
export type Client = StackConfig["clients"][string];
export type Engine = StackConfig["engine"];
export type OllamaEngine = Extract<Engine, { kind: "ollama" }>;
export type VllmEngine = Extract<Engine, { kind: "vllm" }>;
export type TransformersEngine = Extract<Engine, { kind: "transformers" }>;
export type Model = StackConfig["models"][number];
export type Target = StackConfig["target"];
