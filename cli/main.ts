import { Command, CommanderError, type OptionValues } from "commander";
import { NotPrepared } from "../plan/artifacts";
import { UnreadableReport } from "../plan/preflight/report";
import { StillAnExample } from "../plan/config/example-values";
import { ConfigurationFaults } from "../plan/config/faults";
import { FaultyFactsFile } from "../plan/host-facts";
import { PlanRefused } from "../plan/preflight/refusal";
import { PolicyViolations } from "../plan/rules/report";
import { ToolchainError } from "../toolchain/failure";
import { backup } from "./backup";
import { check } from "./check";
import { destroy } from "./destroy";
import { doctor } from "./doctor";
import { drift } from "./drift";
import { env } from "./env";
import { facts } from "./facts";
import { CommandFailure, EXIT, Interrupted, type ExitCode } from "./failure";
import { keys, type KeysOptions } from "./keys";
import { models } from "./models";
import { preview } from "./preview";
import { report } from "./report";
import { reportHint } from "./report-hint";
import { restore } from "./restore";
import { rollback } from "./rollback";
import { smoke } from "./smoke";
import { SshError } from "./ssh";
import { test } from "./test";
import { up } from "./up";

/** argv in, exit code out. Each verb lives in a file of its own and is loaded when it is called. */

type Run = () => Promise<ExitCode>;

let run: Run | undefined;
/** The verb and its stack, for those that have one. */
let called: { readonly verb: string; readonly stack: string } | undefined;

const program = new Command("npm run")
  .description("From a bare machine to a private, guarded, streaming LLM endpoint.")
  .showSuggestionAfterError()
  .exitOverride();

function verb(
  name: string,
  description: string,
  make: (stack: string, options: OptionValues) => Promise<ExitCode>,
): Command {
  return program
    .command(name)
    .description(description)
    .argument("[stack]", "stack file to use: Pulumi.<stack>.yaml", "dev")
    .action((stack: string, options: OptionValues) => {
      called = { verb: name, stack };
      run = () => make(stack, options);
    });
}

/** Of an option that may be given several times. */
const gather = (value: string, former: readonly string[] = []) => [...former, value];

verb("up", "make the host as the stack file says, and prove it", up).option(
  "--yes",
  "don't ask before changing an existing host",
);
verb("preview", "show what up would change; contacts no host", preview).option(
  "--diff",
  "show the differences line by line",
);
verb("destroy", "take back everything that up made", destroy)
  .option("--yes", "don't ask")
  .option("--purge", "remove the models too");
verb("smoke", "prove the endpoint from outside, now", smoke)
  .option("--thorough", "every check, with enough samples; a minute or more")
  .option("--url <url>", "an endpoint without a stack; what can't be seen from here does not pass")
  .option("--key-file <file>", "with --url: file of the API key")
  .option("--ca <file>", "with --url: certificate of the CA")
  .option("--model <name>", "with --url: model to ask; the first that is listed if not given")
  .option("--exclude <check>", "leave a check out; may be given several times", gather)
  .option("--json <file>", "write the report there, raw samples included")
  .option("--junit <file>", "write the report there as JUnit XML")
  .option("--markdown <file>", "write the report there as a comment on a pull request")
  .option("--html <file>", "write the report there as a page with plots");
verb("drift", "compare the host with what was deployed; changes nothing", drift).option(
  "--json <file>",
  "write the report there",
);
verb("facts", "measure the host, write facts.<stack>.yaml, and say whether it would be admitted", facts);
verb("models", "show which models of the catalogue fit into a host", models)
  .option("--vram <size>", "a GPU's memory, for example 16GiB")
  .option("--facts <file>", "a facts file")
  .option("--parallel <number>", "requests at the same time (default 1)")
  .option("--json", "print data instead of a table");
program
  .command("keys")
  .description("show the clients' API keys, or change them without a failed request")
  .argument("<action>", "list, rotate, finish or revoke")
  .argument("[client]", "whose keys")
  .option("--stack <stack>", "stack file to use: Pulumi.<stack>.yaml", "dev")
  .option("--slot <slot>", "revoke: the key in slot a or b alone")
  .option("--expires <day>", "rotate: last day of the new key, for example 2026-12-31")
  .option("--no-deploy", "change the stack file alone")
  .option("--json", "list: print data instead of a table")
  .option("--in-use", "finish: even where the old key was used less than an hour ago")
  .option("--yes", "don't ask before changing an existing host")
  .action((action: string, client: string | undefined, options: KeysOptions) => {
    called = { verb: "keys", stack: options.stack };
    run = () => keys(action, client, options);
  });
verb("rollback", "deploy the stack file of the deployment before the present one", rollback).option(
  "--yes",
  "don't ask",
);
verb("backup", "write one encrypted file with what cannot be made again", backup)
  .option("--to <file>", "where to (default backups/<stack>-<time>.tar.gz.age)")
  .option("--recipient <key>", "public key of age that may open it; may be given several times", gather);
verb("restore", "put back what a backup holds, for the next up; contacts no host", restore)
  .option("--from <file>", "the backup")
  .option("--identity <file>", "file of a private key of age, for a backup that was made for one")
  .option("--yes", "don't ask before overwriting");
verb("report", "write one archive with what a maintainer needs; changes nothing and sends nothing", report)
  .option("--out <file>", "where to (default reports/<stack>-<time>.tar.gz)")
  .option("--with-addresses", "leave addresses and names of machines as they are")
  .option("--yes", "don't ask before writing");
verb("doctor", "say what is there on this machine, in the stack and on the host", doctor).option(
  "--fix",
  "mend what is safe to mend: changes nothing on a host",
);
verb("env", "print exports for using pulumi directly: source <(npm run -s env)", env);
verb("bench", "measure times and throughput of the endpoint under load", async (...args) =>
  (await import("./bench.js")).bench(...args),
)
  .option(
    "--concurrency <numbers>",
    "clients at once, each of which asks again when it has its answer (default 1,5,10)",
  )
  .option("--rate <numbers>", "requests per second that come whether the former ones are answered or not, e.g. 2,4")
  .option("--arrivals <kind>", "with --rate: fixed or poisson (default poisson)")
  .option("--requests <number>", "requests of each stage (default 60)")
  .option("--tokens <number>", "longest answer (default 128)")
  .option("--model <name>", "one of the stack's models; may be given several times; all if not given", gather)
  .option("--cold-start", "restart the engine and time its first answer; interrupts the service")
  .option("--yes", "with --cold-start: don't ask")
  .option("--against <file>", "compare with an earlier run's report")
  .option("--json <file>", "write the report there (default reports/bench.json)")
  .option("--html <file>", "write the report there as a page with plots")
  .option("--seed <number>", "of arrivals at random (default 1)");
program
  .command("bench:table")
  .description("print one table over several runs of bench: of models, quantizations, hosts; contacts nothing")
  .argument("<reports...>", "files that bench has written")
  .action((reports: string[]) => {
    // Loaded here: no other verb needs it.
    run = async () => (await import("./bench-table.js")).benchTable(reports);
  });
verb("bench:ttft", "measure what the gateway adds to the time to first token, on a deployed sandbox", async (...args) =>
  (await import("./bench-ttft.js")).benchTtft(...args),
)
  .option("--rounds <number>", "how often each side is asked (default 400)")
  .option("--seed <number>", "of the order in which they are asked (default 1)");
program
  .command("preview:pr")
  .description("print what this checkout does to the hosts as the comment on its pull request; contacts nothing")
  .option("--base <ref>", "what the change goes into (default origin/main, else main)")
  .option("--out <file>", "write the comment there")
  .option("--uncut <file>", "write the comment in its full length there")
  .option("--whole <where>", "where readers find that file, for the note of a comment that is cut")
  .action((options: OptionValues) => {
    // Loaded here: no other verb needs it.
    run = async () => (await import("./preview-pr.js")).previewPr(options);
  });
program
  .command("bench:provision")
  .description("measure the host work against pyinfra and Ansible, on fresh sandbox hosts")
  .option("--rounds <number>", "how often each of them starts from a fresh host (default 3)")
  .action((options: OptionValues) => {
    // Loaded here: no other verb needs it.
    run = async () => (await import("./bench-provision.js")).benchProvision(options);
  });
program
  .command("bench:agreement")
  .description("compare what this project measures with what GuideLLM and AIPerf measure, on the same server")
  .option("--rounds <number>", "how often each of them measures (default 3)")
  .option("--stack <stack>", "a deployed stack whose endpoint is measured too")
  .action((options: OptionValues) => {
    // Loaded here: no other verb needs it.
    run = async () => (await import("./bench-agreement.js")).benchAgreement(options);
  });
program
  .command("check")
  .description("judge the code without running it")
  .action(() => {
    run = () => check();
  });
program
  .command("test")
  .description("run every test this machine can run")
  .action(() => {
    run = () => test(["unit", "real"]);
  });
program
  .command("test:unit")
  .description("run the fast tests")
  .action(() => {
    run = () => test(["unit"]);
  });
program
  .command("test:real")
  .description("run the tests on real hosts")
  .action(() => {
    run = () => test(["real"]);
  });

/** The stack file, the facts file or this machine is not as a plan needs it; nothing was touched. */
const CONFIGURATION_ERRORS = [
  ConfigurationFaults,
  StillAnExample,
  PlanRefused,
  PolicyViolations,
  FaultyFactsFile,
  NotPrepared,
];

/** A user's fault is told in one message; only a bug of ours shows a stack trace. */
function explain(error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.good : EXIT.usage;
  if (error instanceof Error && CONFIGURATION_ERRORS.some((kind) => error instanceof kind)) {
    console.error(error.message);
    return EXIT.usage;
  }
  if (error instanceof ToolchainError) {
    console.error(error.message);
    return error.exitCode;
  }
  if (error instanceof CommandFailure) {
    console.error(error.wayOut === undefined ? error.message : `${error.message}\n  way out: ${error.wayOut}`);
    return error.exitCode;
  }
  if (error instanceof SshError || error instanceof UnreadableReport) {
    console.error(error.message);
    return EXIT.internal;
  }
  console.error(error);
  return EXIT.internal;
}

function offerReport(exitCode: ExitCode, error?: unknown): void {
  const hint = called && reportHint({ ...called, error, exitCode });
  if (hint !== undefined) console.error(hint);
}

async function main(argv: readonly string[]): Promise<ExitCode> {
  try {
    program.parse(argv, { from: "user" });
    const code = run ? await run() : EXIT.usage;
    offerReport(code);
    return code;
  } catch (error) {
    const code = explain(error);
    offerReport(code, error);
    // What was going on when the run was stopped would keep the process waiting.
    if (error instanceof Interrupted) process.exit(code);
    return code;
  }
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
