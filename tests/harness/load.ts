import { setTimeout as sleep } from "node:timers/promises";
import { Agent, request } from "undici";

/** A steady load on an endpoint: each connection is kept and asks again as soon as it has its answer. */

export interface LoadOptions {
  /** URL without a path. */
  readonly endpoint: string;
  /** Asked for anew with each request, so that a client can move from one key to another. */
  readonly key: () => string;
  readonly caCertificate?: string;
  readonly connections?: number;
  /** Pause between two requests of a connection. */
  readonly pauseMilliseconds?: number;
}

/** How often each thing happened: a status, or the words of an error. */
export type Happened = Readonly<Record<string, number>>;

/** Runs the load until `work` is done. */
export async function underLoad(options: LoadOptions, work: () => Promise<void>): Promise<Happened> {
  const { endpoint, key, caCertificate, connections = 8, pauseMilliseconds = 0 } = options;
  const agent = new Agent({ connections, connect: caCertificate === undefined ? {} : { ca: caCertificate } });
  const happened: Record<string, number> = {};
  const state = { over: false };
  const ask = async () => {
    const headers = { Authorization: `Bearer ${key()}` };
    const { statusCode, body } = await request(`${endpoint}/v1/models`, { dispatcher: agent, headers });
    await body.dump();
    return String(statusCode);
  };
  const connection = async () => {
    while (!state.over) {
      const what = await ask().catch((error: unknown) => (error as Error).message);
      happened[what] = (happened[what] ?? 0) + 1;
      await sleep(pauseMilliseconds);
    }
  };
  const all = Array.from({ length: connections }, connection);
  try {
    await work();
  } finally {
    state.over = true;
    await Promise.all(all);
    await agent.close();
  }
  return happened;
}
