const PROBE = "https://get.pulumi.com/";
const PATIENCE_MS = 900;

let answer: Promise<boolean> | undefined;

/**
 * Whether downloads from the internet can work, through the user's proxy if there is one. Asked at most once per run and
 * answered within a second; ask only when something has to be fetched.
 */
export function internetReachable(): Promise<boolean> {
  answer ??= probe();
  return answer;
}

async function probe(): Promise<boolean> {
  try {
    const response = await fetchFile(PROBE, AbortSignal.timeout(PATIENCE_MS));
    await response.body?.cancel();
    return true;
  } catch {
    return false;
  }
}

/** `fetch` that honours HTTP_PROXY, HTTPS_PROXY and NO_PROXY, which Node's own does not by default. */
export async function fetchFile(url: string, signal?: AbortSignal) {
  const { EnvHttpProxyAgent, fetch } = await import("undici");
  return fetch(url, { dispatcher: new EnvHttpProxyAgent(), ...(signal !== undefined && { signal }) });
}
