import type { Dispatcher } from "undici";

/** Longest wait for one server: an answer through a slow proxy or VPN takes seconds, and an offline machine waits this long. */
const PATIENCE_MS = 5000;

const answers = new Map<string, Promise<boolean>>();

/**
 * Whether the server of this URL gives any answer, through the user's proxy if there is one. Each server is asked once per
 * run, so questions to several of them should be asked side by side. A name that nobody knows is answered at once, silence
 * after five seconds. Ask only when something has to be fetched.
 */
export function reachable(url: string): Promise<boolean> {
  const { origin } = new URL(url);
  const known = answers.get(origin) ?? ask(url);
  answers.set(origin, known);
  return known;
}

/** Whether one of these servers can be reached; all are asked side by side. */
export async function anyReachable(urls: readonly string[]): Promise<boolean> {
  return (await Promise.all(urls.map(reachable))).includes(true);
}

async function ask(url: string): Promise<boolean> {
  try {
    const response = await fetchFile(url, { method: "HEAD", signal: AbortSignal.timeout(PATIENCE_MS) });
    await response.body?.cancel();
    return true;
  } catch {
    return false;
  }
}

export interface FetchOptions {
  readonly method?: "GET" | "HEAD";
  readonly signal?: AbortSignal;
  /** Longest silence within an answer, in milliseconds; default five minutes. */
  readonly stallMilliseconds?: number;
  /** What is done with each request on its way, such as asking again. */
  readonly interceptor?: Dispatcher.DispatcherComposeInterceptor;
}

/** `fetch` that honours HTTP_PROXY, HTTPS_PROXY and NO_PROXY, which Node's own does not by default. */
export async function fetchFile(url: string, options: FetchOptions = {}) {
  const { EnvHttpProxyAgent, fetch } = await import("undici");
  const { stallMilliseconds, interceptor, ...request } = options;
  const agent = new EnvHttpProxyAgent(
    stallMilliseconds === undefined ? {} : { headersTimeout: stallMilliseconds, bodyTimeout: stallMilliseconds },
  );
  return fetch(url, { ...request, dispatcher: interceptor === undefined ? agent : agent.compose(interceptor) });
}
