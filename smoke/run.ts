import type { Check, CheckContext, CheckResult } from "./check";
import { allowlist, bodyLimit, health, keys, models } from "./checks/access";
import { answer, korean, streaming } from "./checks/answers";
import { digest, firewall } from "./checks/network";
import { Client } from "./client";
import type { SmokeTarget } from "./target";
import { overall, type Overall } from "./verdict";

export interface SmokeReport {
  readonly schema: "tms-llm/smoke/v1";
  readonly endpoint: string;
  readonly verdict: Overall;
  readonly milliseconds: number;
  readonly checks: readonly CheckResult[];
}

/** The gate set, in the order in which a reader wants to see it. */
export const GATE: readonly Check[] = [
  health,
  keys,
  models,
  answer,
  streaming,
  korean,
  allowlist,
  bodyLimit,
  firewall,
  digest,
];

async function runCheck(
  check: Check,
  context: CheckContext,
  done: ReadonlyMap<string, CheckResult>,
): Promise<CheckResult> {
  const { id, title } = check;
  const target = check.demand(context.target);
  const blocker = check.needs === undefined ? undefined : done.get(check.needs);
  if (blocker && blocker.verdict !== "pass") {
    const blockedBy = blocker.blockedBy ?? blocker.id;
    return { id, title, target, observed: `blocked by ${blockedBy}`, verdict: "blocked", blockedBy, milliseconds: 0 };
  }
  const began = performance.now();
  try {
    return { id, title, target, ...(await check.run(context)), milliseconds: performance.now() - began };
  } catch (error) {
    return { id, title, target, observed: describe(error), verdict: "error", milliseconds: performance.now() - began };
  }
}

// Messages of undici name host and cause, never a header.
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return `${error.message}${cause}`.slice(0, 300);
}

/** Runs the checks: those that time something one after the other, the others side by side once what they need is done. */
export async function runSmoke(target: SmokeTarget, checks: readonly Check[] = GATE): Promise<SmokeReport> {
  const began = performance.now();
  const wanted = checks.filter(({ id }) => !target.exclude.includes(id));
  const client = new Client(target);
  const context = { target, client };
  const done = new Map<string, CheckResult>();
  const ready = (check: Check) =>
    check.needs === undefined || done.has(check.needs) || !wanted.some(({ id }) => id === check.needs);
  try {
    let open = [...wanted];
    while (open.length > 0) {
      const able = open.filter(ready);
      const batch = able.some(({ alone }) => alone) ? able.filter(({ alone }) => alone).slice(0, 1) : able;
      const results = await Promise.all(batch.map((check) => runCheck(check, context, done)));
      for (const result of results) done.set(result.id, result);
      open = open.filter(({ id }) => !done.has(id));
    }
  } finally {
    await client.close();
  }
  const results = wanted.map(({ id }) => done.get(id)!);
  return {
    schema: "tms-llm/smoke/v1",
    endpoint: target.endpoint,
    verdict: overall(results),
    milliseconds: performance.now() - began,
    checks: results,
  };
}
