import { z } from "zod";

/** What is done about installations that were on the host before; by default each is refused with advice. */

const engine = (unit: string, more = "") =>
  z
    .enum(["refuse", "leave", "adopt"])
    .default("refuse")
    .describe(
      `${unit}: \`refuse\` stops before anything is changed; \`leave\` lets it run beside this deployment, with the memory and the port that it holds; \`adopt\` stops it and keeps it from starting until \`destroy\`, which brings it back${more}.`,
    );

export const existingSchema = z.strictObject({
  ollama: engine(
    "`ollama.service`, as Ollama's install script sets it up",
    ". Models of the stack file that it has downloaded are taken from its store, each checked by its digest",
  ),
  kanana: engine("`kanana-llm.service`"),
  others: engine("Every other `llm-*.service`"),
  account: z
    .enum(["refuse", "adopt"])
    .default("adopt")
    .describe("A user `tms` that is there: `adopt` uses it as it is, and it stays as it is; `refuse` stops."),
  applicationSite: z
    .enum(["refuse", "leave"])
    .default("leave")
    .describe("The application's nginx site `sqltms.info.conf`: `leave` does not touch it; `refuse` stops."),
});
