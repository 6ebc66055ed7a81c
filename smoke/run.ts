import { runCheck, type Check } from "./check";
import { Client } from "./client";
import { hostEnvironment, measuringMachine } from "./environment";
import { listedModels } from "./openai";
import { presentable } from "./presentable";
import type { CheckResult, SmokeReport } from "./report-json";
import { GATE } from "./sets";
import { withLastingKeys, type SmokeTarget } from "./target";
import { overall } from "./verdict";

export interface SmokeOptions {
  /** What to run instead of the gate set. */
  readonly checks?: readonly Check[];
  /** Told of each result as it comes, which is not the order of the report. */
  readonly onProgress?: (result: CheckResult) => void;
}

/**
 * Proves a deployment from outside. Takes about 3 s against a tiny model. Never throws for what it finds; no key is in
 * the report, whatever the server answers.
 */
export async function runSmoke(given: SmokeTarget, options: SmokeOptions = {}): Promise<SmokeReport> {
  const { onProgress } = options;
  const checks = (options.checks ?? GATE).filter(({ applies }) => applies?.(given) ?? true);
  const began = { at: performance.now(), date: new Date(), machine: measuringMachine() };
  const target = withLastingKeys(given, began.date);
  const wanted = checks.filter(({ id }) => !target.exclude.includes(id));
  const client = new Client(target);
  try {
    const context = { target, client, model: target.models[0] ?? (await firstModel(client)) };
    const results = await runAll(wanted, async (check, blocker) => {
      const result = presentable(await runCheck(check, context, blocker), given.clients);
      onProgress?.(result);
      return result;
    });
    const milliseconds = performance.now() - began.at;
    const host = await hostEnvironment(target);
    return {
      schema: "tms-llm/smoke/v1",
      endpoint: target.endpoint,
      began: began.date.toISOString(),
      milliseconds,
      verdict: overall(results),
      checks: results,
      excluded: checks.filter((check) => !wanted.includes(check)).map(({ id }) => id),
      environment: {
        ...began.machine,
        ...(host ? { host } : {}),
        ...(target.engine ? { engine: target.engine.version } : {}),
      },
    };
  } finally {
    await client.close();
  }
}

/** Name of a listed model; nothing where there is none, which the checks tell. */
async function firstModel(client: Client): Promise<string> {
  const list = await client.send("/v1/models", { key: client.key }).catch(() => undefined);
  return listedModels(list?.text ?? "")?.[0] ?? "";
}

/**
 * Runs side by side what may, each once what it needs is done; a check that wants to be alone waits until nothing else
 * runs, and one that disturbs others until all they are done. A check that needs one which isn't wanted doesn't wait for it.
 */
async function runAll(
  wanted: readonly Check[],
  run: (check: Check, blocker: CheckResult | undefined) => Promise<CheckResult>,
): Promise<CheckResult[]> {
  const done = new Map<string, CheckResult>();
  const running = new Map<string, Promise<void>>();
  const start = (check: Check) => {
    const { id, needs } = check;
    const finished = run(check, needs === undefined ? undefined : done.get(needs)).then((result) => {
      done.set(id, result);
      running.delete(id);
    });
    running.set(id, finished);
  };
  while (done.size < wanted.length) {
    const early = wanted.some(({ id, last }) => !last && !done.has(id));
    const able = wanted.filter(
      ({ id, needs, last }) =>
        !(last && early) &&
        !done.has(id) &&
        !running.has(id) &&
        (needs === undefined || done.has(needs) || !wanted.some((other) => other.id === needs)),
    );
    const alone = able.find((check) => check.alone);
    if (alone && running.size === 0) start(alone);
    else for (const check of able.filter((other) => !other.alone)) start(check);
    if (running.size === 0) throw new Error("the checks wait for one another");
    await Promise.race(running.values());
  }
  return wanted.map(({ id }) => done.get(id)!);
}
