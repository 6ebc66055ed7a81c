import { z } from "zod";
import { environmentSchema } from "./environment";

/**
 * `inconclusive`: the check ran and could not tell. `error`: it could not run. `blocked`: a check that it needs did not
 * pass. None of them is a pass.
 */
const verdictSchema = z.enum(["pass", "fail", "inconclusive", "error", "blocked"]);

const checkResultSchema = z.strictObject({
  id: z.string(),
  title: z.string(),
  /** What was demanded. */
  target: z.string(),
  observed: z.string(),
  verdict: verdictSchema,
  /** Id of the check that keeps this one from saying anything. */
  blockedBy: z.string().optional(),
  /** Raw samples and what else tells why. */
  evidence: z.record(z.string(), z.unknown()).optional(),
  milliseconds: z.number(),
});

/** The report as others read it; a change that breaks a reader takes a new version. Holds no key. */
export const smokeReportSchema = z.strictObject({
  schema: z.literal("tms-llm/smoke/v1"),
  endpoint: z.string(),
  /** Start of the run, UTC. */
  began: z.iso.datetime(),
  milliseconds: z.number(),
  verdict: verdictSchema.exclude(["blocked"]),
  checks: z.array(checkResultSchema),
  /** Checks that were left out on demand, by id. */
  excluded: z.array(z.string()),
  environment: environmentSchema,
});

export type SmokeReport = z.output<typeof smokeReportSchema>;
export type CheckResult = z.output<typeof checkResultSchema>;
export type Verdict = z.output<typeof verdictSchema>;
export type Evidence = NonNullable<CheckResult["evidence"]>;

/** The report as the text of a JSON file. */
export const renderJson = (report: SmokeReport): string => `${JSON.stringify(report, null, 2)}\n`;
