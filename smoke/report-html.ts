import { environmentLines } from "./environment";
import { distribution, escape, htmlTable, renderPage, type Plot } from "./page";
import { detailLines, extent, needsDetail } from "./report-detail";
import type { CheckResult, SmokeReport } from "./report-json";

/** The report as one page that needs nothing else: table, details, and plots of the raw samples. */
export function renderHtml(report: SmokeReport): string {
  const { checks, excluded, verdict, milliseconds, endpoint, began, environment } = report;
  return renderPage({
    title: `Smoke test: ${verdict}`,
    heading: `Smoke test: ${coloured(verdict)} <small>${escape(extent(checks, excluded, milliseconds))}</small>`,
    body: [
      `<p>${[`${endpoint}, ${began}`, ...environmentLines(environment)].map(escape).join("<br />")}</p>`,
      htmlTable("text", ["check", "verdict", "observed"], checks.map(row)),
      ...checks.filter(needsDetail).map(details),
    ].join("\n"),
    plots: plotsOf(checks),
  });
}

const coloured = (verdict: string) => `<span class="${verdict}">${verdict}</span>`;

const row = ({ title, verdict, observed }: CheckResult) => [escape(title), coloured(verdict), escape(observed)];

const details = (check: CheckResult) =>
  `<h2>${escape(check.title)}: ${coloured(check.verdict)}</h2>\n<pre>${escape(detailLines(check).join("\n"))}</pre>`;

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
      Array.isArray(times) && times.length > 0
        ? [
            {
              ...{ title, x: "milliseconds", y: "% of requests within", stepped: true, bands: [] },
              series: [distribution("%", times as number[])],
            },
          ]
        : [],
    ),
  ];
}

function timeline(reads: readonly { readonly at: number; readonly events: number }[]): Plot {
  let sum = 0;
  const arrived = reads.map(({ events }) => (sum += events));
  return {
    ...{ title: "Tokens of one stream as they arrived", x: "milliseconds after the request", y: "tokens" },
    ...{ stepped: true, bands: [] },
    series: [
      {
        label: "tokens",
        points: [
          [0, ...reads.map(({ at }) => at)],
          [0, ...arrived],
        ],
      },
    ],
  };
}
