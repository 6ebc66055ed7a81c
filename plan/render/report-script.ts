import { DRIFT_SCRIPT } from "./loader";
import { preflightScript } from "./preflight-script";
import { templateText } from "./template-files";

/** What a host is asked for a report: one script for bash's standard input, preflight and the drift check among it. */
export const reportScript = (): string =>
  [`preflight() {\n${preflightScript()}\n}`, `drift() {\n${DRIFT_SCRIPT}\n}`, templateText("report/collect.sh")].join(
    "\n",
  );
