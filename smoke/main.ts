import { text } from "node:stream/consumers";
import { z } from "zod";
import { exclusionFault } from "./exclusions";
import { renderJson } from "./report-json";
import { renderTable } from "./report-terminal";
import { runSmoke } from "./run";
import { smokeTargetSchema } from "./target";
import { exitCode } from "./verdict";

const ERROR = 3;
const BAD_INPUT = 4;

/**
 * Reads a smoke target from standard input, proves it and prints the table: on standard output when everything passed,
 * else on standard error, which is what shows when it runs as part of an update. With `--json` it prints the report as JSON
 * on standard output, whatever it says.
 */
async function main(): Promise<number> {
  const input = parseJson(await text(process.stdin));
  if (input === undefined) return badInput("it is not JSON");
  const target = smokeTargetSchema.safeParse(input);
  if (!target.success) return badInput(z.prettifyError(target.error));
  const fault = exclusionFault(target.data.exclude);
  if (fault !== undefined) return badInput(`exclude: ${fault}`);
  const report = await runSmoke(target.data);
  if (process.argv.includes("--json")) {
    process.stdout.write(renderJson(report));
    return exitCode(report.verdict);
  }
  const print = report.verdict === "pass" ? console.log : console.error;
  print(renderTable(report));
  return exitCode(report.verdict);
}

// V8's own message would quote the text, which holds keys.
function parseJson(input: string): unknown {
  try {
    return JSON.parse(input);
  } catch {
    return undefined;
  }
}

function badInput(reason: string): number {
  console.error(`The smoke target on standard input is not valid:\n${reason}`);
  return BAD_INPUT;
}

// Whatever ends this process early has proven nothing.
process.exitCode = ERROR;
void main().then((code) => {
  process.exitCode = code;
});
