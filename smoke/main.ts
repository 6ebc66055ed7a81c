import { text } from "node:stream/consumers";
import { z } from "zod";
import { renderTable } from "./report-terminal";
import { runSmoke } from "./run";
import { smokeTargetSchema } from "./target";
import { exitCode } from "./verdict";

const BAD_INPUT = 4;

/** Reads a smoke target from standard input, prints the table; a verdict other than pass is told on standard error. */
async function main(): Promise<number> {
  const target = smokeTargetSchema.safeParse(JSON.parse(await text(process.stdin)));
  if (!target.success) {
    console.error(`The smoke target on standard input is not valid:\n${z.prettifyError(target.error)}`);
    return BAD_INPUT;
  }
  const report = await runSmoke(target.data);
  const table = renderTable(report);
  if (report.verdict === "pass") console.log(table);
  else console.error(table);
  return exitCode(report.verdict);
}

void main().then((code) => {
  process.exitCode = code;
});
