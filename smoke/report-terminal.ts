import Table from "cli-table3";
import type { SmokeReport } from "./run";

/** The report as a table of plain ASCII rules: it is also kept in Pulumi's state and printed by its engine. */
export function renderTable({ checks, verdict, milliseconds }: SmokeReport): string {
  const table = new Table({
    head: ["check", "verdict", "observed"],
    colWidths: [44, 14, 62],
    wordWrap: true,
    style: { head: [], border: [] },
    chars: { mid: "", "left-mid": "", "mid-mid": "", "right-mid": "" },
  });
  for (const check of checks) table.push([check.title, check.verdict, check.observed]);
  return `${table.toString()}\nSmoke test: ${verdict} (${checks.length} checks, ${(milliseconds / 1000).toFixed(1)} s)`;
}
