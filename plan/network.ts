import type { Network } from "./config/network";
import type { Step } from "./step";

/** How the host gets out, and the names that it is told. */

/** Never by a proxy: the engine and the gateway ask each other there. */
const LOOPBACK = ["127.0.0.1", "::1", "localhost"] as const;

/**
 * Variables that send downloads by the proxy; none without one. In both spellings: curl heeds `http_proxy` in lower case
 * alone, Go programs and Python's take either.
 */
export function proxyVariables({ proxy, noProxy }: Network): Readonly<Record<string, string>> {
  if (proxy === undefined) return {};
  const values = { http_proxy: proxy, https_proxy: proxy, no_proxy: [...LOOPBACK, ...noProxy].join(",") };
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => [
      [name, value],
      [name.toUpperCase(), value],
    ]),
  );
}

/**
 * Lines of an engine's environment file, for models that it fetches itself. No `HTTP_PROXY`: Ollama would ask itself through
 * it (its FAQ, "How do I use Ollama behind a proxy?").
 */
export function engineProxyLines(network: Network): string {
  const { HTTPS_PROXY, NO_PROXY } = proxyVariables(network);
  return HTTPS_PROXY === undefined ? "" : `HTTPS_PROXY=${HTTPS_PROXY}\nNO_PROXY=${NO_PROXY ?? ""}\n`;
}

/** Lines of /etc/hosts, or none. First of all steps: packages may come from a mirror that is known by such a name. */
export function hostsStep({ hosts }: Network): Step | undefined {
  const entries = Object.entries(hosts).sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) return undefined;
  return {
    name: "hosts",
    phase: "base",
    title: `/etc/hosts: ${entries.map(([name]) => name).join(", ")}`,
    script: "hosts.sh",
    inputs: { entries: entries.map(([name, address]) => `${address} ${name}`).join("\n") },
    files: [],
    artifacts: [],
    secrets: [],
  };
}
