import Table from "cli-table3";
import { detailLines, extent, needsDetail } from "./report-detail";
import type { CheckResult, SmokeReport } from "./report-json";

/**
 * The report as a table of plain rules, without colours: it is also kept in Pulumi's state and printed by its engine.
 * Below it, for each check that did not pass: what was demanded and the evidence.
 */
export function renderTable({ checks, excluded, verdict, milliseconds }: SmokeReport): string {
  const table = new Table({
    head: ["check", "verdict", "observed"],
    colWidths: [44, 14, 62],
    wordWrap: true,
    style: { head: [], border: [] },
    chars: { mid: "", "left-mid": "", "mid-mid": "", "right-mid": "" },
  });
  for (const check of checks) table.push([check.title, check.verdict, check.observed]);
  const sum = `Smoke test: ${verdict} (${extent(checks, excluded, milliseconds)})`;
  return [table.toString(), ...checks.filter(needsDetail).map(detail), sum].join("\n");
}

const detail = (check: CheckResult): string =>
  [`${check.id} (${check.title}): ${check.verdict}`, ...detailLines(check).map((line) => `  ${line}`)].join("\n");
