import Table from "cli-table3";
import { measuringMachine, environmentLines, type Environment } from "../../smoke/environment";
import type { ToolFigures } from "./figures";
import { spread, type Spread } from "../provision/figures";

/** What is compared; all in milliseconds. */
const MEASURES = [
  { name: "TTFT p50", of: ({ ttft }: Times) => ttft.p50 },
  { name: "TTFT p95", of: ({ ttft }: Times) => ttft.p95 },
  { name: "inter-token p50", of: ({ itl }: Times) => itl.p50 },
  { name: "inter-token p95", of: ({ itl }: Times) => itl.p95 },
] as const;

/** How far the tools may lie apart; aimed at, not a limit that fails the benchmark. */
const AIM = 0.02;

export type Times = Pick<ToolFigures, "ttft" | "itl">;

/** One tool's turn of a round. */
export interface Turn {
  readonly tool: string;
  readonly figures: ToolFigures;
  /** What the server really did during it; absent where the server does not tell. */
  readonly truth?: Times;
}

export interface ServerRun {
  readonly server: string;
  readonly concurrency: number;
  readonly requests: number;
  readonly warmUp: number;
  readonly tokens: number;
  /** Round by round, in the order in which the tools had their turns. */
  readonly rounds: readonly (readonly Turn[])[];
}

export interface AgreementReport {
  readonly schema: "tms-llm/bench-agreement/v1";
  readonly began: string;
  readonly environment: Environment;
  readonly servers: readonly ServerRun[];
}

export const makeReport = (began: Date, servers: readonly ServerRun[]): AgreementReport => ({
  schema: "tms-llm/bench-agreement/v1",
  began: began.toISOString(),
  environment: measuringMachine(),
  servers,
});

export interface Agreement {
  readonly measure: string;
  readonly against: string;
  /** Ours in parts of theirs, round by round. */
  readonly ratio: Spread;
  readonly within: boolean;
}

/** Our figures in parts of each other tool's of the same round, and each tool's in parts of what the server really did. Pure. */
export function agreements({ rounds }: ServerRun, ours: string): Agreement[] {
  const tools = (rounds[0] ?? []).map(({ tool }) => tool);
  const turn = (round: readonly Turn[], tool: string) => round.find((one) => one.tool === tool)!;
  const agreement = (measure: string, against: string, ratios: readonly number[]): Agreement => {
    const ratio = spread(ratios);
    return { measure, against, ratio, within: Math.abs(ratio.median - 1) <= AIM };
  };
  return MEASURES.flatMap(({ name, of }) => [
    ...tools
      .filter((tool) => tool !== ours)
      .toSorted()
      .map((tool) =>
        agreement(
          name,
          `${ours} / ${tool}`,
          rounds.map((round) => of(turn(round, ours).figures) / of(turn(round, tool).figures)),
        ),
      ),
    ...tools
      .filter((tool) => rounds.every((round) => turn(round, tool).truth))
      .toSorted()
      .map((tool) =>
        agreement(
          name,
          `${tool} / truth`,
          rounds.map((round) => of(turn(round, tool).figures) / of(turn(round, tool).truth!)),
        ),
      ),
  ]);
}

const STYLE = { head: [], border: [] };

/** The report as people read it. */
export function renderReport({ servers, environment }: AgreementReport, ours: string): string {
  return [...environmentLines(environment), ...servers.map((run) => renderServer(run, ours))].join("\n");
}

function renderServer(run: ServerRun, ours: string): string {
  const { server, concurrency, requests, warmUp, tokens, rounds } = run;
  const table = new Table({ head: ["", "ratio", "median (min–max)", `within ${AIM * 100} %`], style: STYLE });
  for (const { measure, against, ratio, within } of agreements(run, ours))
    table.push([
      ...[measure, against],
      `${ratio.median.toFixed(3)} (${ratio.minimum.toFixed(3)}–${ratio.maximum.toFixed(3)})`,
      within ? "yes" : "no",
    ]);
  const figures = new Table({ head: ["tool", ...MEASURES.map(({ name }) => name), "failed"], style: STYLE });
  for (const tool of (rounds[0] ?? []).map((turn) => turn.tool).toSorted()) {
    const turns = rounds.map((round) => round.find((turn) => turn.tool === tool)!);
    figures.push([
      tool,
      ...MEASURES.map(({ of }) => `${spread(turns.map((turn) => of(turn.figures))).median.toFixed(2)} ms`),
      String(turns.reduce((sum, turn) => sum + turn.figures.failed, 0)),
    ]);
  }
  return [
    `${server}: ${rounds.length} rounds, ${concurrency} at once, ${requests} requests of ${tokens} tokens after ${warmUp} that don't count.`,
    figures.toString(),
    table.toString(),
  ].join("\n");
}
