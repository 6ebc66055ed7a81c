import { isIP } from "node:net";
import type { StackConfig } from "./config/schema";
import { engineSocket } from "./engines/served-folder";
import { ENGINE_KEY } from "./engines/vllm";
import type { KeyReference } from "./keys";
import { ENGINE_KEY_FILE, renderGateway, renderKeys, type GatewayEngine } from "./render/nginx";
import { plannedFile } from "./render/payload";
import { fillTemplate } from "./render/template";
import { templateText } from "./render/template-files";
import type { PlannedFile, SecretReference, Step } from "./step";

export interface GatewayContext {
  /** The API keys: `client/<name>/<slot>`. */
  readonly secrets: readonly KeyReference[];
  /** Further addresses or names by which clients reach the host, for its certificate. */
  readonly addresses: readonly string[];
  /** Opens the embedding paths; default false. */
  readonly embeddings?: boolean;
  /** With `tls.mode: files`, the text of the PEM chain; the key is the secret {@link GIVEN_KEY}. */
  readonly certificate?: string;
}

/** Name of the secret that holds the PEM key of a given certificate. A new key has a new certificate, so one generation is enough. */
export const GIVEN_KEY: SecretReference = { name: "tls/private-key", generation: 1 };

/**
 * Name of the secret that holds the CA which a restore brought, as one PEM text. It has no generation: the plan is the same
 * with and without it, since a host that lives on has that very CA.
 */
export const RESTORED_CA = "tls/restored-ca";

const TLS = "/etc/tms-llm/tls";
const OWN_CERTIFICATE = { chain: `${TLS}/server.pem`, key: `${TLS}/server.key` };
const GIVEN_CERTIFICATE = { chain: `${TLS}/given.pem`, key: `${TLS}/given.key` };

/** nginx with the allowlist, the keys and the certificate. */
export function gatewayStep(config: StackConfig, context: GatewayContext): Step {
  const { gateway } = config;
  const tls = certificateParts(config, context);
  const keys = [...context.secrets].sort((left, right) => (left.name < right.name ? -1 : 1));
  const settings = {
    gateway,
    engine: gatewayEngine(config),
    embeddings: context.embeddings ?? false,
    ...(tls.paths ? { certificate: tls.paths } : {}),
  };
  return {
    name: "gateway",
    phase: "gateway",
    title: `nginx on port ${gateway.port}, ${gateway.tls.mode === "off" ? "without TLS" : "with TLS"}`,
    script: "gateway.sh",
    inputs: {
      port: String(gateway.port),
      tls: gateway.tls.mode,
      // What SELinux has to let nginx connect to, beyond the socket that the engine's step lets it reach.
      upstreams: config.engine.kind === "ollama" || gateway.applicationRoute !== undefined ? "network" : "socket",
      server_name: gateway.serverName,
      subject_names: gateway.tls.mode === "own-ca" ? subjectNames(config, context).join("\n") : "",
      restored_ca: gateway.tls.mode === "own-ca" ? `{{secret?:${RESTORED_CA}}}` : "",
    },
    files: [
      plannedFile("/etc/nginx/conf.d/tms-llm.conf", renderGateway(settings)),
      plannedFile("/etc/nginx/tms-llm/keys.conf", renderKeys(keys), "root:root", "0600"),
      ...(config.engine.kind === "vllm" ? [engineKeyFile()] : []),
      ...tls.files,
    ],
    artifacts: [],
    secrets: [...keys, ...(config.engine.kind === "vllm" ? [ENGINE_KEY] : []), ...tls.secrets],
  };
}

function gatewayEngine({ engine }: StackConfig): GatewayEngine {
  return engine.kind === "ollama"
    ? { kind: "ollama", port: engine.port }
    : { kind: engine.kind, socket: engineSocket(engine.kind) };
}

const engineKeyFile = () =>
  plannedFile(
    ENGINE_KEY_FILE,
    `proxy_set_header Authorization "Bearer {{secret:${ENGINE_KEY.name}}}";\n`,
    "root:root",
    "0600",
  );

interface CertificateParts {
  readonly paths?: { readonly chain: string; readonly key: string };
  readonly files: readonly PlannedFile[];
  readonly secrets: readonly SecretReference[];
}

function certificateParts(config: StackConfig, context: GatewayContext): CertificateParts {
  const { mode } = config.gateway.tls;
  switch (mode) {
    case "own-ca": {
      const subjects = subjectNames(config, context).join(", ");
      const extensions = fillTemplate(templateText("tls/openssl.cnf"), { subjectNames: subjects });
      return { paths: OWN_CERTIFICATE, files: [plannedFile(`${TLS}/openssl.cnf`, extensions)], secrets: [] };
    }
    case "files":
      if (context.certificate === undefined) throw new Error("gateway.tls.mode is files, but no certificate was read");
      return {
        paths: GIVEN_CERTIFICATE,
        files: [
          plannedFile(GIVEN_CERTIFICATE.chain, context.certificate),
          plannedFile(GIVEN_CERTIFICATE.key, `{{secret:${GIVEN_KEY.name}}}`, "root:root", "0600"),
        ],
        secrets: [GIVEN_KEY],
      };
    case "off":
      return { files: [], secrets: [] };
    default:
      return mode satisfies never;
  }
}

/** What the own CA's certificate is valid for, in openssl's words: `DNS:<name>` and `IP:<address>`, each once. */
function subjectNames({ gateway, target }: StackConfig, { addresses }: GatewayContext): string[] {
  const reachedAs = target.kind === "ssh" ? [target.host, ...addresses] : addresses;
  const names = [gateway.serverName, "localhost", "127.0.0.1", "::1", ...reachedAs];
  return [...new Set(names.map((name) => (isIP(name) ? `IP:${name}` : `DNS:${name}`)))];
}
