import { detailLines, extent, needsDetail } from "./report-detail";
import type { CheckResult, SmokeReport } from "./report-json";

/** The report as a comment on a pull request: the table, and what did not pass folded below it. */
export function renderMarkdown({ endpoint, began, checks, excluded, verdict, milliseconds }: SmokeReport): string {
  const rows = checks.map(
    ({ title, verdict: one, observed }) => `| ${cell(title)} | ${emphasized(one)} | ${cell(observed)} |`,
  );
  return [
    `### Smoke test: ${verdict}`,
    "",
    `${cell(endpoint)}, ${began}: ${extent(checks, excluded, milliseconds)}`,
    "",
    "| check | verdict | observed |",
    "|---|---|---|",
    ...rows,
    ...checks.filter(needsDetail).flatMap(details),
    "",
  ].join("\n");
}

const details = (check: CheckResult): string[] => [
  "",
  `<details><summary>${check.id}: ${check.verdict}</summary>`,
  "",
  // Indented code: whatever a server wrote stays text.
  ...detailLines(check).map((line) => `    ${line.replaceAll(/\s/g, " ")}`),
  "",
  "</details>",
];

const emphasized = (verdict: CheckResult["verdict"]) => (verdict === "pass" ? verdict : `**${verdict}**`);

/** Text of a server as text of a table: no markup, no line break. */
const cell = (text: string) => text.replaceAll(/[\\`*_{}[\]<>()#|!&~]/g, "\\$&").replaceAll(/\s+/g, " ");
