import Table from "cli-table3";
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
  const details = checks.filter((check) => check.verdict !== "pass" && check.verdict !== "blocked").map(detail);
  const left = excluded.length > 0 ? `, left out: ${excluded.join(", ")}` : "";
  const sum = `Smoke test: ${verdict} (${checks.length} checks${left}, ${(milliseconds / 1000).toFixed(1)} s)`;
  return [table.toString(), ...details, sum].join("\n");
}

const EVIDENCE_CHARACTERS = 600;

function detail({ id, title, target, verdict, observed, evidence }: CheckResult): string {
  const lines = [`${id} (${title}): ${verdict}`, `  demanded: ${target}`, `  observed: ${observed}`];
  if (evidence) lines.push(`  evidence: ${JSON.stringify(evidence).slice(0, EVIDENCE_CHARACTERS)}`);
  return lines.join("\n");
}
