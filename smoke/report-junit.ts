import { create } from "xmlbuilder2";
import { detailLines } from "./report-detail";
import type { CheckResult, SmokeReport } from "./report-json";

/**
 * The report as JUnit's XML, which CI servers show check by check. JUnit knows no verdict between good and bad: what is
 * inconclusive is an error there, since it must not look like a pass; what is blocked or left out is skipped.
 */
export function renderJunit({ endpoint, began, milliseconds, checks, excluded }: SmokeReport): string {
  const count = (...verdicts: CheckResult["verdict"][]) =>
    checks.filter(({ verdict }) => verdicts.includes(verdict)).length;
  const suite = create({ encoding: "UTF-8", invalidCharReplacement: "\uFFFD" })
    .ele("testsuites")
    .ele("testsuite", {
      name: "tms-llm smoke test",
      hostname: new URL(endpoint).host,
      timestamp: began,
      time: seconds(milliseconds),
      tests: checks.length + excluded.length,
      failures: count("fail"),
      errors: count("error", "inconclusive"),
      skipped: count("blocked") + excluded.length,
    });
  const testCase = (name: string, took: number) =>
    suite.ele("testcase", { classname: "smoke", name, time: seconds(took) });
  for (const check of checks) {
    const { id, title, verdict, observed } = check;
    const one = testCase(`${id}: ${title}`, check.milliseconds);
    if (verdict === "fail") one.ele("failure", { type: verdict, message: observed });
    if (verdict === "error" || verdict === "inconclusive") one.ele("error", { type: verdict, message: observed });
    if (verdict === "blocked") one.ele("skipped", { message: observed });
    one.ele("system-out").txt(detailLines(check).join("\n"));
  }
  for (const id of excluded) testCase(id, 0).ele("skipped", { message: "left out on demand" });
  return `${suite.end({ prettyPrint: true })}\n`;
}

const seconds = (milliseconds: number) => (milliseconds / 1000).toFixed(3);
