import { setTimeout as sleep } from "node:timers/promises";
import { CommandFailure, EXIT } from "../../cli/failure";
import { runOverSsh, type SshAddress } from "../../cli/ssh";
import { asRoot } from "../../plan/render/loader";
import type { Client } from "../../smoke/client";
import { NoAnswer } from "../../smoke/no-answer";
import type { ColdStart } from "./report";
import { requestBody } from "./stage";

/** Longest wait for the engine to be well and for its first token: large models on slow disks take minutes. */
const LIMIT_MILLISECONDS = 900_000;
const POLL_MILLISECONDS = 20;

export interface EngineUnit {
  readonly address: SshAddress;
  /** Its unit of systemd. */
  readonly unit: string;
}

/**
 * Restarts the engine, which ends every answer that is under way, and times its first token.
 * @throws CommandFailure when it does not come back
 */
export async function measureColdStart(
  { address, unit }: EngineUnit,
  client: Client,
  model: string,
  nextNumber: () => number,
): Promise<ColdStart> {
  const began = performance.now();
  const { code, stderr } = await runOverSsh(address, asRoot(`systemctl restart ${unit}`));
  if (code !== 0) throw failure(unit, stderr.trim());
  const ready = await untilWell(client, began, unit);
  const firstToken = async () => {
    const record = await client.stream(requestBody({ model, tokens: 4, number: nextNumber() }), LIMIT_MILLISECONDS);
    if (record.firstToken === undefined) throw failure(unit, `status ${record.status}: ${record.beginning}`);
    return record.firstToken;
  };
  const asked = performance.now();
  const first = await firstToken();
  const next = await firstToken();
  return { model, ready, firstToken: asked - began + first, modelLoad: Math.max(0, first - next) };
}

async function untilWell(client: Client, began: number, unit: string): Promise<number> {
  while (performance.now() - began < LIMIT_MILLISECONDS) {
    const answer = await client.send("/health").catch((error: unknown) => {
      if (error instanceof NoAnswer) return undefined;
      throw error;
    });
    if (answer?.status === 200) return performance.now() - began;
    await sleep(POLL_MILLISECONDS);
  }
  throw failure(unit, `not well within ${LIMIT_MILLISECONDS / 1000} s`);
}

const failure = (unit: string, reason: string) =>
  new CommandFailure(`${unit} did not come back: ${reason}`, `on the host: journalctl -u ${unit}`, EXIT.failed);
