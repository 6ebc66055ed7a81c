import { quantile } from "simple-statistics";
import { judge, milliseconds, type Check } from "../check";
import { NoAnswer } from "../no-answer";
import { tuningRequest } from "../openai";
import { malformed } from "./streaming";

/** So many without a failure mean, with 95 % confidence, that fewer than one in a hundred fails (the rule of three). */
const REQUESTS = 300;
const TOKENS = 8;
const SHOWN_FAULTS = 5;

/** Requests succeed, more than 99 of 100, and nineteen of twenty are in time. */
export const success: Check = {
  id: "success",
  title: "Requests succeed",
  demand: ({ objectives }) =>
    `${REQUESTS} of ${REQUESTS} streams, p95 of the first token within ${objectives.ttft} s, of the whole within ${objectives.total} s`,
  needs: "streaming",
  alone: true,
  async run({ target: { objectives }, client, model }) {
    const firstTokens: number[] = [];
    const ends: number[] = [];
    const failed: string[] = [];
    for (let request = 0; request < REQUESTS; request += 1) {
      const record = await client
        .stream(tuningRequest(model, TOKENS), objectives.total * 1000)
        .catch((error: unknown) => {
          if (error instanceof NoAnswer) return error.message;
          throw error;
        });
      const faults = typeof record === "string" ? [record] : malformed(record);
      if (typeof record !== "string" && record.firstToken === undefined) faults.push("no token came");
      failed.push(...faults.slice(0, 1));
      if (typeof record === "string" || record.firstToken === undefined) continue;
      firstTokens.push(record.firstToken);
      ends.push(record.end);
    }
    const p95 = (times: number[]) => (times.length > 0 ? quantile(times, 0.95) : Infinity);
    const faults = [
      ...(failed.length > 0
        ? [`${failed.length} of ${REQUESTS} failed: ${[...new Set(failed)].slice(0, SHOWN_FAULTS).join(", ")}`]
        : []),
      ...(p95(firstTokens) > objectives.ttft * 1000
        ? [`first token at p95 after ${milliseconds(p95(firstTokens))}`]
        : []),
      ...(p95(ends) > objectives.total * 1000 ? [`whole at p95 after ${milliseconds(p95(ends))}`] : []),
    ];
    return judge(
      faults,
      `${REQUESTS} streams, p95 TTFT ${milliseconds(p95(firstTokens))}, whole ${milliseconds(p95(ends))}`,
      { firstTokens, ends },
    );
  },
};
