import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { renderJson, smokeReportSchema, type CheckResult } from "../../../smoke/report-json";
import { renderTable } from "../../../smoke/report-terminal";
import { runSmoke } from "../../../smoke/run";
import { DONE, END, event, HOST_CHECKS, KEY, streamWell, target } from "./endpoint";
import { result } from "./sabotage";

describe("a deployment that behaves", () => {
  test("passes every check that can be made from here", async () => {
    const progress: CheckResult[] = [];
    const report = await runSmoke(await target({}), { onProgress: (found) => progress.push(found) });
    expect(report.checks.map(({ id, verdict }) => `${id}: ${verdict}`)).toMatchInlineSnapshot(`
      [
        "health: pass",
        "keys: pass",
        "models: pass",
        "answer: pass",
        "streaming: pass",
        "korean: pass",
        "allowlist: pass",
        "body-limit: pass",
      ]
    `);
    expect(report.verdict).toBe("pass");
    expect(progress).toHaveLength(report.checks.length);
    expect(report.excluded).toEqual(HOST_CHECKS);
  });

  test("is not blamed for characters that the network splits", async () => {
    const report = await runSmoke(
      await target({
        stream: async (response, tokens) => {
          response.writeHead(200, { "Content-Type": "text/event-stream" });
          for (const content of tokens) {
            const bytes = Buffer.from(event({ content }));
            const inside = bytes.indexOf(Buffer.from(content)) + 1;
            response.write(bytes.subarray(0, inside));
            await sleep(1);
            response.write(bytes.subarray(inside));
            await sleep(1);
          }
          response.end(END + DONE);
        },
      }),
    );
    expect(report.verdict).toBe("pass");
  });

  test("is not blamed for lumps that a busy machine makes", async () => {
    let lumps = 5;
    const report = await runSmoke(
      await target({
        stream: async (response, tokens) => {
          if ((lumps -= 1) < 0) return streamWell(response, tokens);
          response.writeHead(200, { "Content-Type": "text/event-stream" });
          response.end(tokens.map((content) => event({ content })).join("") + END + DONE);
        },
      }),
    );
    expect(report.verdict).toBe("pass");
  });

  test("may think in English, as long as it can say something Korean", async () => {
    const english = Array.from({ length: 48 }, () => " thinking");
    const report = await runSmoke(
      await target({ tokensFor: (body) => (body.includes('"max_tokens":48') ? english : undefined) }),
    );
    expect(result(report, "korean")).toMatchObject({ verdict: "pass" });
  });

  test("may ask to wait by its rate limit", async () => {
    const report = await runSmoke(await target({ retryAfter: 0 }));
    expect(report.verdict).toBe("pass");
  });

  test("does not pass as a whole where the host can't be seen", async () => {
    const report = await runSmoke(await target({}, { exclude: [] }));
    expect(report.verdict).toBe("inconclusive");
    for (const id of HOST_CHECKS)
      expect(result(report, id)).toMatchObject({ verdict: "inconclusive", observed: "not measured: no host access" });
  });

  test("does not pass as a whole where its body limit is not known", async () => {
    const report = await runSmoke({ ...(await target({})), maxBodySize: undefined });
    expect(result(report, "body-limit").observed).toBe("not measured: the limit is not known here");
    expect(report.verdict).toBe("inconclusive");
  });
});

test("the JSON report keeps to its published schema", async () => {
  const text = renderJson(await runSmoke(await target({ listed: [] })));
  expect(smokeReportSchema.parse(JSON.parse(text))).toEqual(JSON.parse(text));
});

test("the published schema is the one that the code has; else run vitest with -u", async () => {
  const schema = `${JSON.stringify(z.toJSONSchema(smokeReportSchema), null, 2)}\n`;
  await expect(schema).toMatchFileSnapshot("../../../docs/schemas/smoke.v1.json");
});

test("a key that the server sends back is nowhere in the reports, nor is what would move the cursor", async () => {
  const report = await runSmoke(
    await target({ answer: `\u001b[2J{"error":"Bearer ${KEY} is not liked"}`, notFound: KEY }),
  );
  expect(result(report, "answer").evidence).toEqual({ body: `·[2J{"error":"Bearer [tms's key] is not liked"}` });
  expect(renderJson(report) + renderTable(report)).not.toContain(KEY);
});
