import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fillTemplate } from "../plan/render/template";
import { environmentLines } from "./environment";
import { detailLines, extent, needsDetail } from "./report-detail";
import type { CheckResult, SmokeReport } from "./report-json";

/** Lines of a plot: the values of x, and those of y. */
interface Plot {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly stepped: boolean;
  readonly points: readonly [readonly number[], readonly number[]];
}

/** The report as one page that needs nothing else: table, details, and plots of the raw samples. */
export function renderHtml(report: SmokeReport): string {
  const { checks, excluded, verdict, milliseconds, endpoint, began, environment } = report;
  const library = dirname(createRequire(__filename).resolve("uplot/package.json"));
  const part = (name: string) => readFileSync(join(library, "dist", name), "utf8");
  return fillTemplate(readFileSync(join(__dirname, "report.html"), "utf8"), {
    verdict,
    extent: escape(extent(checks, excluded, milliseconds)),
    endpoint: escape(endpoint),
    began: escape(began),
    environment: environmentLines(environment).map(escape).join("<br />"),
    rows: checks.map(row).join("\n"),
    details: checks.filter(needsDetail).map(details).join("\n"),
    plotStyle: part("uPlot.min.css"),
    plotCode: part("uPlot.iife.min.js"),
    // Whatever a server wrote must not end the script that it stands in.
    plots: JSON.stringify(plotsOf(checks)).replaceAll("<", "\\u003c"),
  });
}

const row = ({ title, verdict, observed }: CheckResult) =>
  `<tr><td>${escape(title)}</td><td class="${verdict}">${verdict}</td><td>${escape(observed)}</td></tr>`;

const details = (check: CheckResult) =>
  `<h2>${escape(check.title)}: <span class="${check.verdict}">${check.verdict}</span></h2>\n<pre>${escape(detailLines(check).join("\n"))}</pre>`;

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escape = (text: string) => text.replaceAll(/[&<>"]/g, (character) => ENTITIES[character]!);

/** What the checks kept of their samples, as far as it can be drawn. */
export function plotsOf(checks: readonly CheckResult[]): Plot[] {
  const evidence = (id: string, name: string) => checks.find((check) => check.id === id)?.evidence?.[name];
  const reads = evidence("streaming", "reads") as readonly { at: number; events: number }[] | undefined;
  const distributions = [
    { title: "Time to first token", times: evidence("success", "firstTokens") },
    { title: "Time of a whole answer", times: evidence("success", "ends") },
  ] as const;
  return [
    ...(reads && reads.length > 0 ? [timeline(reads)] : []),
    ...distributions.flatMap(({ title, times }) =>
      Array.isArray(times) && times.length > 0 ? [distribution(title, times as number[])] : [],
    ),
  ];
}

function timeline(reads: readonly { readonly at: number; readonly events: number }[]): Plot {
  let sum = 0;
  const arrived = reads.map(({ events }) => (sum += events));
  return {
    ...{
      title: "Tokens of one stream as they arrived",
      x: "milliseconds after the request",
      y: "tokens",
      stepped: true,
    },
    points: [
      [0, ...reads.map(({ at }) => at)],
      [0, ...arrived],
    ],
  };
}

function distribution(title: string, times: readonly number[]): Plot {
  const ascending = times.toSorted((left, right) => left - right);
  return {
    ...{ title, x: "milliseconds", y: "% of requests within", stepped: true },
    points: [ascending, ascending.map((_, index) => ((index + 1) / ascending.length) * 100)],
  };
}
