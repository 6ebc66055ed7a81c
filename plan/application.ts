import { newestKey } from "./keys";
import { plannedFile } from "./render/payload";
import type { ResolvedConfig, ResolvedModel } from "./sizing/resolved";
import type { SecretReference, Step } from "./step";

/** An application's side of the endpoint: its env file, from the plan and its key. */

/** All that an env file says but for the key. */
export interface Application {
  /** The client that it is; the holder of its key. */
  readonly client: string;
  /** URL of the gateway, without a path. */
  readonly endpoint: string;
  readonly apiType: "openai" | "ollama";
  /** Whether Ollama's native paths are open. */
  readonly nativeApi: boolean;
  /** The first is the default. */
  readonly models: readonly Pick<ResolvedModel, "name" | "role">[];
  readonly maxTokens: number;
  readonly temperature: number;
  /** Seconds. */
  readonly timeout: number;
  /** Path of the private CA's certificate where the application runs, if it is known. */
  readonly authority?: string;
}

/** A variable of the env file; the documented table is made of these. */
export interface ApplicationVariable {
  readonly name: string;
  /** One line of Markdown. */
  readonly meaning: string;
  /** Undefined where it would say something that doesn't work. */
  readonly value: (application: Application, key: string) => string | undefined;
}

/** Where the host keeps the private CA's certificate, for everybody to read. */
const OWN_AUTHORITY = "/etc/tms-llm/tls/ca.pem";

const DEFAULT_PORTS = { "http:": "80", "https:": "443" } as const;

/** In the order in which they stand in the file. */
export const APPLICATION_VARIABLES: readonly ApplicationVariable[] = [
  {
    name: "LLM_API_TYPE",
    meaning: "`openai` or `ollama`: which paths the application asks.",
    value: ({ apiType }) => apiType,
  },
  {
    name: "LLM_BASE_URL",
    meaning: "The gateway; with `/v1` at its end for `openai`, without a path for `ollama`.",
    value: ({ apiType, endpoint }) => (apiType === "openai" ? `${endpoint}/v1` : endpoint),
  },
  { name: "LLM_API_KEY", meaning: "The client's newest key.", value: (_, key) => key },
  {
    name: "LLM_MODEL_NAME",
    meaning: "Name to send as `model`: the first of the stack file.",
    value: ({ models }) => models[0]!.name,
  },
  {
    name: "OPENAI_BASE_URL",
    meaning: "As `LLM_BASE_URL`, by the name that OpenAI's own clients read; only for `openai`.",
    value: ({ apiType, endpoint }) => (apiType === "openai" ? `${endpoint}/v1` : undefined),
  },
  {
    name: "OPENAI_API_KEY",
    meaning: "As `LLM_API_KEY`; beside `OPENAI_BASE_URL`.",
    value: ({ apiType }, key) => (apiType === "openai" ? key : undefined),
  },
  {
    name: "LLM_MAX_TOKENS",
    meaning: "Longest answer, at most half of the model's context.",
    value: ({ maxTokens }) => String(maxTokens),
  },
  { name: "LLM_TEMPERATURE", meaning: "Sampling temperature.", value: ({ temperature }) => String(temperature) },
  {
    name: "LLM_TIMEOUT",
    meaning: "Milliseconds until the application gives up on an answer.",
    value: ({ timeout }) => String(Math.round(timeout * 1000)),
  },
  {
    name: "LLM_SERVICE_TYPE",
    meaning:
      "The client library of an application that knows several: `vllm` asks OpenAI's paths, whichever engine answers; `ollama` asks the native ones.",
    value: ({ apiType }) => ({ openai: "vllm", ollama: "ollama" })[apiType],
  },
  {
    name: "VLLM_HOST",
    meaning: "The gateway's host, for an application that puts its URL together from host and port.",
    value: ({ endpoint }) => new URL(endpoint).hostname,
  },
  {
    name: "VLLM_PORT",
    meaning: "The gateway's port.",
    value: ({ endpoint }) => {
      const { port, protocol } = new URL(endpoint);
      return port || DEFAULT_PORTS[protocol as keyof typeof DEFAULT_PORTS];
    },
  },
  {
    name: "OLLAMA_BASE_URL",
    meaning: "The gateway, for Ollama's native paths; only with `gateway.nativeApi: true`.",
    value: ({ endpoint, nativeApi }) => (nativeApi ? endpoint : undefined),
  },
  {
    name: "OLLAMA_AUTH_HEADER",
    meaning: "The whole value of the `Authorization` header, `Bearer` and the key; beside `OLLAMA_BASE_URL`.",
    value: ({ nativeApi }, key) => (nativeApi ? `Bearer ${key}` : undefined),
  },
  {
    name: "OLLAMA_MODEL",
    meaning: "As `LLM_MODEL_NAME`; beside `OLLAMA_BASE_URL`.",
    value: ({ models, nativeApi }) => (nativeApi ? models[0]!.name : undefined),
  },
  {
    name: "OLLAMA_MODEL_LIGHT",
    meaning: "The model of role `small`, if there is one; beside `OLLAMA_BASE_URL`.",
    value: ({ models, nativeApi }) => (nativeApi ? models.find(({ role }) => role === "small")?.name : undefined),
  },
  {
    name: "FEATURE_AI_TUNING_GUIDE",
    meaning: "Switches the tuning guide of the SQL application on.",
    value: () => "true",
  },
  {
    name: "NODE_EXTRA_CA_CERTS",
    meaning: "The private CA's certificate; only in the file on the host, where its path is known.",
    value: ({ authority }) => authority,
  },
];

/** Values with a space need quotes in a shell; every other reader of env files takes them off. */
const quoted = (value: string) => (/\s/.test(value) ? JSON.stringify(value) : value);

/** The text of an env file. Holds the key: it is a secret. */
export function applicationEnvironment(application: Application, key: string): string {
  const lines = APPLICATION_VARIABLES.flatMap(({ name, value }) => {
    const said = value(application, key);
    return said === undefined ? [] : [`${name}=${quoted(said)}`];
  });
  const roles = application.models.flatMap(({ name, role }) =>
    role === undefined ? [] : [`# Model for ${role}: ${name}`],
  );
  return [
    `# Client ${application.client} of ${application.endpoint}. Written by tms-llm; holds a key.`,
    ...roles,
    ...lines,
    "",
  ].join("\n");
}

/** Every client's application, by the client's name. @param endpoint URL of the gateway as it is seen from outside */
export function applications(config: ResolvedConfig, endpoint: string): Readonly<Record<string, Application>> {
  return Object.fromEntries(Object.keys(config.clients).map((name) => [name, application(config, name, endpoint)]));
}

function application({ clients, gateway, models }: ResolvedConfig, client: string, endpoint: string): Application {
  const [model] = models;
  const { apiType, maxTokens, temperature, timeout } = clients[client]!.application;
  return {
    client,
    endpoint,
    apiType,
    nativeApi: gateway.nativeApi,
    models: models.map(({ name, role }) => ({ name, ...(role === undefined ? {} : { role }) })),
    maxTokens: Math.min(maxTokens, Math.floor(model!.context / 2)),
    temperature,
    timeout,
  };
}

/** The env files that lie on the host itself; undefined where no client wants one. */
export function applicationStep(config: ResolvedConfig): Step | undefined {
  const all = applications(config, loopbackEndpoint(config));
  const placed = Object.entries(config.clients).flatMap(([name, client]) => {
    const { onHost } = client.application;
    if (onHost === undefined) return [];
    const secret: SecretReference = newestKey(name, client);
    const trust = config.gateway.tls.mode === "own-ca" ? { authority: OWN_AUTHORITY } : {};
    const text = applicationEnvironment({ ...all[name]!, ...trust }, `{{secret:${secret.name}}}`);
    return [{ secret, file: plannedFile(onHost.path, text, onHost.owner, "0600") }];
  });
  if (placed.length === 0) return undefined;
  return {
    name: "application",
    phase: "gateway",
    title: `env file of ${placed.length} application${placed.length === 1 ? "" : "s"} on the host`,
    script: "application.sh",
    inputs: {},
    files: placed.map(({ file }) => file),
    artifacts: [],
    secrets: placed.map(({ secret }) => secret),
  };
}

/** How the endpoint is reached from the host itself: loopback passes the firewall, and our own certificate names it. */
function loopbackEndpoint({ gateway: { port, serverName, tls } }: ResolvedConfig): string {
  const scheme = tls.mode === "off" ? "http" : "https";
  // A certificate of the operator's own is for the server's name.
  const name = tls.mode === "files" ? serverName : "127.0.0.1";
  return DEFAULT_PORTS[`${scheme}:`] === String(port) ? `${scheme}://${name}` : `${scheme}://${name}:${port}`;
}
