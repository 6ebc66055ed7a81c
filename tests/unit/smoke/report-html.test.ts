import { describe, expect, test } from "vitest";
import { plotsOf, renderHtml } from "../../../smoke/report-html";
import type { CheckResult, SmokeReport } from "../../../smoke/report-json";
import { CHROMIUM_MISSING, lookAt, type View } from "../../harness/browser";
import { ENVIRONMENT } from "./environment";

const check = (id: string, evidence: CheckResult["evidence"]): CheckResult => ({
  ...{ id, title: id, target: "", observed: "</script><b>bold</b>", verdict: "fail", milliseconds: 1, evidence },
});
const report: SmokeReport = {
  schema: "tms-llm/smoke/v1",
  endpoint: "https://llm.internal",
  began: "2026-11-21T08:00:00.000Z",
  milliseconds: 3210,
  verdict: "fail",
  checks: [
    check("streaming", { reads: [10, 20, 30].map((at) => ({ at, bytes: 230, events: 2, chunks: [1, 1] })) }),
    check("success", { firstTokens: [30, 10, 20, 40], ends: [31, 11, 21, 41] }),
  ],
  excluded: [],
  environment: ENVIRONMENT,
};

describe("the page", () => {
  test("draws a stream's tokens as they arrived, and how many requests ended within a time", () => {
    const [timeline, firstToken] = plotsOf(report.checks);
    expect(timeline?.series[0]?.points).toEqual([
      [0, 10, 20, 30],
      [0, 2, 4, 6],
    ]);
    expect(firstToken?.series[0]?.points).toEqual([
      [10, 20, 30, 40],
      [25, 50, 75, 100],
    ]);
  });

  test("draws nothing where no samples were kept", () => {
    expect(plotsOf([check("streaming", {}), check("health", { times: [1] })])).toEqual([]);
  });

  test("asks nobody for anything, and what a server wrote is text", () => {
    const page = renderHtml(report);
    expect(page).not.toMatch(/(src|href)=/);
    expect(page).not.toContain("<b>bold</b>");
    expect(page).toContain("the host: Debian GNU/Linux 12 (bookworm)");
  });

  test.skipIf(CHROMIUM_MISSING).each<View>([
    { scheme: "light", width: 1200 },
    { scheme: "dark", width: 360 },
  ])("shows every plot in a browser, $scheme, $width pixels wide (needs Chromium)", async (view) => {
    const { titles, coloured, beyond, overflow, errors } = await lookAt(renderHtml(report), view);
    expect(errors).toEqual([]);
    expect(titles).toEqual(["Tokens of one stream as they arrived", "Time to first token", "Time of a whole answer"]);
    expect(coloured.filter((pixels) => pixels < 100)).toEqual([]);
    expect(beyond.filter((pixels) => pixels > 0)).toEqual([]);
    expect(overflow).toBeLessThanOrEqual(0);
  });
});
