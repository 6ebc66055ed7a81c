import Table from "cli-table3";
import { z } from "zod";
import { environmentLines, environmentSchema } from "../../smoke/environment";
import type { Comparison } from "./compare";
import { figuresSchema, IN_TIME_MILLISECONDS, type Quantiles } from "./figures";
import { hostLoadSchema, readingSchema, type HostLoad } from "./host-load";
import { sampleSchema } from "./samples";
import { loadName } from "./schedule";

const loadSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("closed"), concurrency: z.number().int() }),
  z.strictObject({ kind: z.literal("open"), perSecond: z.number(), arrivals: z.enum(["fixed", "poisson"]) }),
]);

const stageSchema = z.strictObject({
  model: z.string(),
  load: loadSchema,
  /** Milliseconds after the beginning of the run; reports of earlier versions lack it. */
  began: z.number().optional(),
  /** Longest answer, in tokens. */
  tokens: z.number().int(),
  /** Requests before it that are not counted. */
  warmUp: z.number().int(),
  figures: figuresSchema,
  /** Milliseconds that clients of a closed loop waited for the gateway's own rate limit; no part of any latency. */
  heldBack: z.number(),
  host: hostLoadSchema,
  samples: z.array(sampleSchema),
});

const coldStartSchema = z.strictObject({
  model: z.string(),
  /** Milliseconds from the engine's restart until the gateway says that it is well. */
  ready: z.number(),
  /** From the restart to the first token. */
  firstToken: z.number(),
  /** What the first answer's token took longer than that of the next: the model's loading. */
  modelLoad: z.number(),
});
export type ColdStart = z.output<typeof coldStartSchema>;

/** The report as others read it; a change that breaks a reader takes a new version. Holds no key. */
export const benchReportSchema = z.strictObject({
  schema: z.literal("tms-llm/bench/v1"),
  stack: z.string(),
  endpoint: z.string(),
  /** Start of the run, UTC. */
  began: z.iso.datetime(),
  /** Of arrivals at random. */
  seed: z.number().int(),
  /** Seconds, as the stack file has them. */
  objectives: z.strictObject({ ttft: z.number(), total: z.number() }),
  /** Only where the engine was restarted for it. */
  coldStarts: z.array(coldStartSchema),
  stages: z.array(stageSchema),
  /** What the host was busy with, second by second, over the whole run; reports of earlier versions lack it. */
  readings: z.array(readingSchema).optional(),
  environment: environmentSchema,
});
export type BenchReport = z.output<typeof benchReportSchema>;
export type StageReport = BenchReport["stages"][number];

const STYLE = { head: [], border: [] };
const milliseconds = (value: number) => (value < 10 ? value.toFixed(1) : String(Math.round(value)));
const percent = (share: number) => `${(share * 100).toFixed(share === 1 ? 0 : 1)} %`;
const pair = (quantiles: Quantiles | null) =>
  quantiles ? `${milliseconds(quantiles.p50)} / ${milliseconds(quantiles.p95)}` : "–";

/** The report as people read it. */
export function renderReport({ stages, coldStarts, environment, seed }: BenchReport): string {
  const table = new Table({ head: ["model", "load", ...FIGURE_COLUMNS], style: STYLE });
  for (const stage of stages) table.push([stage.model, loadName(stage.load), ...figureCells(stage)]);
  return [
    ...environmentLines(environment),
    ...coldStarts.map(coldStartLine),
    table.toString(),
    LEGEND,
    ...stages.flatMap(remarks),
    ...(stages.some(({ load }) => load.kind === "open" && load.arrivals === "poisson") ? [`Seed ${seed}.`] : []),
  ].join("\n");
}

export const LEGEND = "Times in milliseconds. Good: succeeded and within the objectives, of all requests.";

export const coldStartLine = ({ model, ready, firstToken, modelLoad }: ColdStart) =>
  `Cold start of ${model}: engine ready after ${milliseconds(ready)} ms, first token after ${milliseconds(firstToken)} ms, of which the model's loading ${milliseconds(modelLoad)} ms.`;

export const FIGURE_COLUMNS = [
  ...["succeeded", "good", "TTFT p50 / p95", "ITL", "whole", "tokens/s", "answers/s", "CPU", "GPU"],
] as const;

/** A stage's figures under these columns. */
export function figureCells({ figures, host }: StageReport): string[] {
  return [
    ...[`${figures.succeeded} of ${figures.requests}`, percent(figures.good)],
    ...[pair(figures.ttft), pair(figures.itl), pair(figures.latency)],
    ...[figures.tokensPerSecond.toFixed(1), figures.requestsPerSecond.toFixed(2), ...hostCells(host)],
  ];
}

function hostCells({ processors, gpus }: HostLoad): [string, string] {
  const gigabytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  return [
    processors ? percent(processors.mean) : "–",
    gpus.map(({ busy, memory }) => `${percent(busy.mean)}, ${gigabytes(memory.highest)}`).join("; ") || "–",
  ];
}

/** What a reader must know to take a stage's figures for what they are. */
export function remarks({ model, load, figures, heldBack }: StageReport): string[] {
  const stage = `${model}, ${loadName(load)}`;
  const { sentLate, faults } = figures;
  return [
    ...Object.entries(faults).map(([fault, times]) => `${stage}: ${times} failed: ${fault}`),
    ...(sentLate.requests > 0
      ? [
          `${stage}: ${sentLate.requests} of ${figures.requests} were sent more than ${IN_TIME_MILLISECONDS} ms after they were due, ${milliseconds(sentLate.longest)} ms at worst; that is part of their times.`,
        ]
      : []),
    ...(heldBack > 0
      ? [
          `${stage}: the gateway's rate limit held the clients back, ${(heldBack / 1000).toFixed(1)} s all together; answers/s is not the engine's own.`,
        ]
      : []),
  ];
}

const MEASURE_NAMES = { ttft: "TTFT", itl: "ITL", latency: "whole" } as const;

export const COMPARISON_COLUMNS = ["model", "load", "", "in parts of the other run (95 %)", ""] as const;

export const comparisonCells = ({ model, load, measure, share, ratio, judgement }: Comparison): string[] => [
  ...[model, load, `${MEASURE_NAMES[measure]} p${share * 100}`],
  `${ratio.value.toFixed(2)} (${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)})`,
  judgement,
];

export const nothingToCompare = (against: string) =>
  `Nothing to compare with ${against}: no stage with the same model and load has 20 answers in both.`;

/** A comparison of two runs as people read it. */
export function renderComparison(comparisons: readonly Comparison[], against: string): string {
  if (comparisons.length === 0) return nothingToCompare(against);
  const table = new Table({ head: [...COMPARISON_COLUMNS], style: STYLE });
  for (const comparison of comparisons) table.push(comparisonCells(comparison));
  return [`Against ${against}:`, table.toString()].join("\n");
}
