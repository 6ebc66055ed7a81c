import type { StackConfig } from "../../plan/config/schema";

/** Who is asked. The client runs on the host itself, so that no network is between it and any of them. */

/** What is printed and compared; `direct` is the engine on loopback. */
export const NAMES = {
  direct: "engine, directly",
  control: "engine, directly, once more",
  ours: "tms-llm gateway (TLS, keys, limits)",
  default: "nginx, proxy_pass alone",
  defaultTls: "nginx, proxy_pass alone, TLS",
  unbufferedTls: "nginx, unbuffered, TLS",
} as const;

export type SideName = keyof typeof NAMES;

interface Side {
  readonly name: SideName;
  readonly address: "127.0.0.1";
  readonly port: number;
  /** Name to ask for by TLS; empty: plain HTTP. */
  readonly serverName: string;
  readonly path: "/v1/chat/completions";
  /** Lines of the request's head. */
  readonly headers: readonly string[];
  readonly body: string;
}

/** What `client.py` reads. */
export interface ClientPlan {
  readonly sides: readonly Side[];
  readonly rounds: number;
  /** Rounds that are not counted. */
  readonly warmUp: number;
  /** Slow enough for the gateway's own rate limit. */
  readonly secondsPerRound: number;
  /** Of the order in which the sides are asked, round by round. */
  readonly seed: number;
  readonly peerConfiguration: string;
}

export interface Rounds {
  readonly rounds: number;
  readonly seed: number;
}

const PEER_PORTS = { default: 18080, defaultTls: 18443, unbufferedTls: 18444 } as const;
const WARM_UP = 20;
const ANSWER_TOKENS = 8;
/** Part of the allowed rate that the benchmark takes. */
const SHARE_OF_RATE = 0.7;

export function clientPlan(config: StackConfig, enginePort: number, key: string, { rounds, seed }: Rounds): ClientPlan {
  const { gateway, models } = config;
  const body = JSON.stringify({
    model: models[0]!.name,
    max_tokens: ANSWER_TOKENS,
    temperature: 0,
    seed: 1,
    stream: true,
    messages: [{ role: "user", content: "인덱스를 쓰도록 이 질의를 고쳐 주세요: SELECT * FROM orders" }],
  });
  const side = (name: SideName, port: number, serverName: string, ...headers: string[]): Side => ({
    ...{ name, address: "127.0.0.1", port, serverName, path: "/v1/chat/completions", body },
    headers: ["Content-Type: application/json", `Host: ${serverName || "localhost"}`, ...headers],
  });
  const tls = gateway.serverName;
  return {
    sides: [
      side("direct", enginePort, ""),
      side("control", enginePort, ""),
      side("ours", gateway.port, gateway.tls.mode === "off" ? "" : tls, `Authorization: Bearer ${key}`),
      side("default", PEER_PORTS.default, ""),
      side("defaultTls", PEER_PORTS.defaultTls, tls),
      side("unbufferedTls", PEER_PORTS.unbufferedTls, tls),
    ],
    rounds,
    warmUp: WARM_UP,
    secondsPerRound: 60 / gateway.rateLimit.requestsPerMinute / SHARE_OF_RATE,
    seed,
    peerConfiguration: peerConfiguration(enginePort),
  };
}

/** An nginx with what its manual's first page says, nothing more; the third server does not buffer. */
function peerConfiguration(enginePort: number): string {
  const server = (port: number, tls: boolean, buffering: "on" | "off") => `
  server {
    listen 127.0.0.1:${port}${tls ? " ssl" : ""};
    ${tls ? "ssl_certificate /etc/tms-llm/tls/server.pem; ssl_certificate_key /etc/tms-llm/tls/server.key;" : ""}
    location / { proxy_pass http://127.0.0.1:${enginePort}; proxy_buffering ${buffering}; }
  }`;
  return `user www-data;
worker_processes auto;
pid FOLDER/nginx.pid;
events {}
http {
  access_log off;
  client_body_temp_path FOLDER; proxy_temp_path FOLDER;
  fastcgi_temp_path FOLDER; uwsgi_temp_path FOLDER; scgi_temp_path FOLDER;
${server(PEER_PORTS.default, false, "on")}
${server(PEER_PORTS.defaultTls, true, "on")}
${server(PEER_PORTS.unbufferedTls, true, "off")}
}
`;
}
