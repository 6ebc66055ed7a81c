import { describe, expect, test } from "vitest";
import type { CheckResult, SmokeReport } from "../../../smoke/report-json";
import { renderJunit } from "../../../smoke/report-junit";
import { renderMarkdown } from "../../../smoke/report-markdown";
import { ENVIRONMENT } from "./environment";

const check = (id: string, verdict: CheckResult["verdict"], observed: string, more = {}): CheckResult => ({
  ...{ id, title: `The ${id}`, target: "what is demanded", observed, verdict, milliseconds: 12.3 },
  ...more,
});

/** One of each verdict, and text as an ill-meaning server would write it. */
const REPORT: SmokeReport = {
  schema: "tms-llm/smoke/v1",
  endpoint: "https://llm.internal",
  began: "2026-11-21T08:00:00.000Z",
  milliseconds: 3210,
  verdict: "fail",
  checks: [
    check("health", "pass", "3.0 ms", { evidence: { times: [3, 4] } }),
    check("keys", "fail", 'a | b <script>alert("1")</script>\n# c', { evidence: { body: "</details>```" } }),
    check("digest", "inconclusive", "not measured: no host access"),
    check("firewall", "error", "docker did not run"),
    check("models", "blocked", "blocked by keys", { blockedBy: "keys" }),
  ],
  excluded: ["korean"],
  environment: ENVIRONMENT,
};

describe("the report of a run with one of each verdict", () => {
  test("as a comment on a pull request: what a server wrote is text, not markup", () => {
    expect(renderMarkdown(REPORT)).toMatchInlineSnapshot(`
      "### Smoke test: fail

      https://llm.internal, 2026-11-21T08:00:00.000Z: 5 checks, left out: korean, 3.2 s

      | check | verdict | observed |
      |---|---|---|
      | The health | pass | 3.0 ms |
      | The keys | **fail** | a \\| b \\<script\\>alert\\("1"\\)\\</script\\> \\# c |
      | The digest | **inconclusive** | not measured: no host access |
      | The firewall | **error** | docker did not run |
      | The models | **blocked** | blocked by keys |

      <details><summary>keys: fail</summary>

          demanded: what is demanded
          observed: a | b <script>alert("1")</script> # c
          evidence: {"body":"</details>\`\`\`"}

      </details>

      <details><summary>digest: inconclusive</summary>

          demanded: what is demanded
          observed: not measured: no host access

      </details>

      <details><summary>firewall: error</summary>

          demanded: what is demanded
          observed: docker did not run

      </details>
      "
    `);
  });

  test("as JUnit: what is inconclusive is no pass, what is blocked or left out is skipped", () => {
    expect(renderJunit(REPORT)).toMatchInlineSnapshot(`
      "<?xml version="1.0" encoding="UTF-8"?>
      <testsuites>
        <testsuite name="tms-llm smoke test" hostname="llm.internal" timestamp="2026-11-21T08:00:00.000Z" time="3.210" tests="6" failures="1" errors="2" skipped="2">
          <testcase classname="smoke" name="health: The health" time="0.012">
            <system-out>demanded: what is demanded
      observed: 3.0 ms
      evidence: {"times":[3,4]}</system-out>
          </testcase>
          <testcase classname="smoke" name="keys: The keys" time="0.012">
            <failure type="fail" message="a | b &lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;
      # c"/>
            <system-out>demanded: what is demanded
      observed: a | b &lt;script&gt;alert("1")&lt;/script&gt;
      # c
      evidence: {"body":"&lt;/details&gt;\`\`\`"}</system-out>
          </testcase>
          <testcase classname="smoke" name="digest: The digest" time="0.012">
            <error type="inconclusive" message="not measured: no host access"/>
            <system-out>demanded: what is demanded
      observed: not measured: no host access</system-out>
          </testcase>
          <testcase classname="smoke" name="firewall: The firewall" time="0.012">
            <error type="error" message="docker did not run"/>
            <system-out>demanded: what is demanded
      observed: docker did not run</system-out>
          </testcase>
          <testcase classname="smoke" name="models: The models" time="0.012">
            <skipped message="blocked by keys"/>
            <system-out>demanded: what is demanded
      observed: blocked by keys</system-out>
          </testcase>
          <testcase classname="smoke" name="korean" time="0.000">
            <skipped message="left out on demand"/>
          </testcase>
        </testsuite>
      </testsuites>
      "
    `);
  });
});
