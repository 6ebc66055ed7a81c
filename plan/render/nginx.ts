import type { StackConfig } from "../config/schema";
import { fillTemplate } from "./template";
import { templateText } from "./template-files";
import { endOfDay } from "../config/dates";
import { keyId, type KeyReference } from "../keys";
import { errorAnswers, errorLocation, PAUSE_MARK, UNAVAILABLE, type ErrorAnswer } from "./nginx-errors";

/** The gateway's nginx configuration as text. */

export interface GatewaySettings {
  readonly gateway: StackConfig["gateway"];
  readonly engine: GatewayEngine;
  /** Where certificate chain and key lie on the host; absent: plain HTTP. */
  readonly certificate?: { readonly chain: string; readonly key: string };
  /** Whether an embedding model is served. */
  readonly embeddings: boolean;
}

/** Where nginx finds the engine, and what the engine wants to be asked. */
export type GatewayEngine =
  | { readonly kind: "ollama"; /** Loopback port. */ readonly port: number }
  | { readonly kind: "vllm" | "transformers"; /** Path of the Unix socket. */ readonly socket: string };

/** Holds the engine's key; readable by root alone. */
export const ENGINE_KEY_FILE = "/etc/nginx/tms-llm/engine.conf";

interface EngineWords {
  readonly address: string;
  /** The Host header that the engine takes. */
  readonly host: string;
  /** Path that answers 200 without a key when the engine is up. */
  readonly health: string;
  readonly headers: readonly string[];
  /** Statuses of the engine's own that clients get as "unavailable, try again". */
  readonly hidden: readonly number[];
}

function engineWords(engine: GatewayEngine): EngineWords {
  switch (engine.kind) {
    case "ollama": {
      const host = `localhost:${engine.port}`;
      return {
        address: `127.0.0.1:${engine.port}`,
        host,
        health: "/api/version",
        headers: [
          "# On loopback Ollama answers 403 to a Host or an Origin that it doesn't know.",
          `proxy_set_header Host ${host};`,
          'proxy_set_header Origin "";',
          "# The key is the gateway's affair.",
          'proxy_set_header Authorization "";',
        ],
        // Too many wait for a model to be loaded, without a Retry-After.
        hidden: [503],
      };
    }
    case "vllm":
      return {
        address: `unix:${engine.socket}`,
        host: "localhost",
        health: "/health",
        headers: [
          "proxy_set_header Host localhost;",
          'proxy_set_header Origin "";',
          "# The client's key is the gateway's affair; the engine has one of its own.",
          `include ${ENGINE_KEY_FILE};`,
        ],
        // 503: the queue is full, without a Retry-After. 500: it is stopping, or its core has died. 401: a key that is ours.
        hidden: [401, 500, 503],
      };
    case "transformers":
      return {
        address: `unix:${engine.socket}`,
        host: "localhost",
        health: "/health",
        headers: [
          "proxy_set_header Host localhost;",
          'proxy_set_header Origin "";',
          "# The key is the gateway's affair; nginx alone may use the engine's socket.",
          'proxy_set_header Authorization "";',
        ],
        // The queue is full, and only nginx says when to come again.
        hidden: [503],
      };
    default:
      return engine satisfies never;
  }
}

interface Route {
  readonly path: string;
  readonly method: "GET" | "POST";
}

const OPENAI_ROUTES: readonly Route[] = [
  { path: "/v1/models", method: "GET" },
  { path: "/v1/chat/completions", method: "POST" },
  { path: "/v1/completions", method: "POST" },
];
const EMBEDDINGS_ROUTE: Route = { path: "/v1/embeddings", method: "POST" };
const NATIVE_ROUTES: readonly Route[] = [
  { path: "/api/chat", method: "POST" },
  { path: "/api/generate", method: "POST" },
  { path: "/api/tags", method: "GET" },
];
const NATIVE_EMBED_ROUTE: Route = { path: "/api/embed", method: "POST" };

/** Paths that need a key; whatever else is not on the list is 404. */
export function keyedRoutes({
  gateway,
  embeddings,
}: Pick<GatewaySettings, "gateway" | "embeddings">): readonly Route[] {
  return [
    ...OPENAI_ROUTES,
    ...(embeddings ? [EMBEDDINGS_ROUTE] : []),
    ...(gateway.nativeApi ? [...NATIVE_ROUTES, NATIVE_EMBED_ROUTE] : []),
  ];
}

/** Above it a request body goes through a temporary file, in bytes. */
const LARGEST_BODY_IN_MEMORY = 16 * 2 ** 20;

/** `/etc/nginx/conf.d/tms-llm.conf`. */
export function renderGateway(settings: GatewaySettings): string {
  const { gateway, certificate } = settings;
  const engine = engineWords(settings.engine);
  const routes = keyedRoutes(settings);
  const errors = errorAnswers(gateway);
  return fillTemplate(templateText("nginx/tms-llm.conf"), {
    paths: pathPatterns(routes, gateway.applicationRoute !== undefined),
    listen: listen(gateway.port, certificate !== undefined),
    serverName: gateway.serverName,
    tls: certificate
      ? fillTemplate(templateText("nginx/tls.conf"), {
          certificate: certificate.chain,
          certificateKey: certificate.key,
        })
      : "",
    engineAddress: engine.address,
    engineHost: engine.host,
    engineHealth: engine.health,
    engineHeaders: engine.headers.join("\n"),
    requestsPerMinute: String(gateway.rateLimit.requestsPerMinute),
    maxBodySize: String(gateway.maxBodySize),
    bodyBuffer: String(Math.min(gateway.maxBodySize, LARGEST_BODY_IN_MEMORY)),
    readTimeout: `${Math.round(gateway.readTimeout * 1000)}ms`,
    errorPages: errors.map(({ status }) => `error_page ${status} = @error_${status};`).join("\n"),
    pauseMark: PAUSE_MARK,
    routes: routes.map((route) => location(route, burst(gateway), engineErrors(engine, errors))).join("\n"),
    burst: burst(gateway),
    engineErrors: engineErrors(engine, errors),
    applicationRoute: gateway.applicationRoute
      ? fillTemplate(templateText("nginx/application-route.conf"), { upstream: gateway.applicationRoute.upstream })
      : "",
    errorLocations: errors.map(errorLocation).join("\n"),
  });
}

/** `/etc/nginx/tms-llm/keys.conf`, with slots for the keys. A client's two keys are equal while they last. */
export function renderKeys(keys: readonly KeyReference[]): string {
  // The scheme's name ignores case (RFC 9110, section 11.1), the key does not.
  const rows = keys.map((key) => `"~^(?i:Bearer) +{{secret:${key.name}}}$" ${keyId(key)};`);
  const ends = keys.flatMap((key) =>
    key.expires === undefined
      ? []
      : [
          `# ${keyId(key)}: to the end of ${key.expires}, UTC`,
          `"~^${keyId(key)} ${momentsFrom(endOfDay(key.expires))}" "";`,
        ],
  );
  return fillTemplate(templateText("nginx/keys.conf"), { keys: rows.join("\n"), ends: ends.join("\n") });
}

/**
 * A pattern for the moments from `second` on, of ten digits: with 178, the numbers that begin with 178, 179, 18, 19 or 2
 * to 9. nginx can't compare numbers, and this needs no clockwork of our own.
 */
export function momentsFrom(second: number): string {
  const digits = String(second);
  const above = Array.from(digits).flatMap((digit, place) =>
    digit === "9" ? [] : [`${digits.slice(0, place)}[${Number(digit) + 1}-9]`],
  );
  return `(${[digits, ...above.reverse()].join("|")})`;
}

const escape = (path: string) => path.replaceAll(".", "\\.");

function pathPatterns(routes: readonly Route[], hasApplication: boolean): string {
  return [
    ...routes.map(({ path }) => `"~^(${escape(path)}) \\1(\\?[^ ]*)?$" keyed;`),
    `"~^(/health) \\1(\\?[^ ]*)?$" open;`,
    ...(hasApplication ? [`"~^/api/llm/.* /api/llm/" open;`] : []),
  ].join("\n");
}

function listen(port: number, tls: boolean): string {
  // `listen … http2` is what every nginx from 1.22 on reads; the newer `http2 on` is unknown to Debian 12's.
  const options = `${tls ? " ssl http2" : ""} default_server`;
  return [`listen ${port}${options};`, `listen [::]:${port}${options};`].join("\n");
}

/** Error pages of a location replace the server's as a whole, so those for nginx's own refusals are said again. */
function engineErrors({ hidden }: EngineWords, errors: readonly ErrorAnswer[]): string {
  const own = errors.map(({ status }) => status).filter((status) => OF_LOCATION.includes(status));
  return [
    "# The engine's answers pass, but for those that mean: not now.",
    "proxy_intercept_errors on;",
    `error_page ${hidden.join(" ")} = @error_${UNAVAILABLE.status};`,
    "error_page 418 = @draining;",
    ...own.map((status) => `error_page ${status} = @error_${status};`),
  ].join("\n");
}

/** What nginx itself answers within a route, beside the statuses that an engine's answers may have too. */
const OF_LOCATION: readonly number[] = [403, 405, 413, 429, 502, 504];

const location = ({ path, method }: Route, burst: string, engineErrors: string) =>
  fillTemplate(templateText("nginx/route.conf"), { path, method, pauseMark: PAUSE_MARK, burst, engineErrors });

/** nginx refuses burst=0; without the word it is 0. */
const burst = ({ rateLimit }: StackConfig["gateway"]) =>
  rateLimit.burst > 0 ? ` burst=${rateLimit.burst} nodelay` : "";
