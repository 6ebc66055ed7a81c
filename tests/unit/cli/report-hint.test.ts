import { expect, test } from "vitest";
import { CommandFailure, Declined, EXIT, Interrupted, UsageError, type ExitCode } from "../../../cli/failure";
import { reportHint } from "../../../cli/report-hint";
import { SshError } from "../../../cli/ssh";
import { ToolchainError } from "../../../toolchain/failure";

const HINT =
  "  help:    npm run report -- prod collects what a maintainer needs, without secrets; it asks before it writes, and sends nothing";

const kindOf = (stack: string) => ({ prod: "ssh" as const, dev: "sandbox" as const })[stack];

test.each<[string, string, ExitCode, unknown]>([
  ["a deployment that failed", "up", EXIT.failed, new CommandFailure("prod is not as planned", "mend that")],
  ["a host that is refused", "facts", EXIT.failed, undefined],
  ["a proof that failed", "smoke", EXIT.failed, undefined],
  ["a proof that could tell nothing", "smoke", EXIT.inconclusive, undefined],
  ["a host that is out of reach", "drift", EXIT.internal, new SshError("no answer within 10 s")],
  ["a removal that failed", "destroy", EXIT.failed, undefined],
  ["a rotation that failed on the host", "keys", EXIT.internal, new CommandFailure("the host could not do it", "up")],
  ["a bug of ours", "backup", EXIT.internal, new TypeError("undefined is not a function")],
])("%s on a host of one's own ends with the way to a report", (_, verb, exitCode, error) => {
  expect(reportHint({ verb, stack: "prod", exitCode, error }, kindOf)).toBe(HINT);
  expect(reportHint({ verb, stack: "dev", exitCode, error }, kindOf)).toBeUndefined();
});

test.each<[string, string, string, ExitCode, unknown]>([
  ["success", "up", "prod", EXIT.good, undefined],
  ["a slip of the keyboard", "up", "prod", EXIT.usage, new UsageError("nobody is here to confirm", "--yes")],
  ["what somebody declined", "up", "prod", EXIT.failed, new Declined("Nothing was changed", "again")],
  ["what somebody stopped", "up", "prod", EXIT.interrupted, new Interrupted("Interrupted", "again")],
  ["what this machine lacks", "up", "prod", EXIT.internal, new ToolchainError("no plugins", "no internet", "connect")],
  ["drift, which says what mends it", "drift", "prod", EXIT.drift, undefined],
  ["a host that is not deployed yet", "drift", "prod", EXIT.failed, undefined],
  ["a report that failed", "report", "prod", EXIT.internal, new TypeError("undefined is not a function")],
  ["a stack that does not exist", "up", "nowhere", EXIT.failed, new CommandFailure("x", "y")],
])("%s does not", (_, verb, stack, exitCode, error) => {
  expect(reportHint({ verb, stack, exitCode, error }, kindOf)).toBeUndefined();
});
