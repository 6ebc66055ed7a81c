import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { renderRuns } from "../../../../bench/load/runs-table";
import { readBenchReports } from "../../../../cli/bench-report";
import { ENVIRONMENT } from "../../smoke/environment";
import { run, samples, stage } from "./runs";

const five = { load: { kind: "closed", concurrency: 5 } } as const;

describe("a table over several runs", () => {
  test("puts stages with the same load together, and names the weights behind each model", () => {
    const q4 = run(stage(samples(40, 50, 1)), stage(samples(40, 90, 2), five));
    const q8 = {
      ...run(stage(samples(40, 80, 3), { tokens: 64 }), stage(samples(40, 140, 4), { ...five, tokens: 64 })),
      environment: {
        ...ENVIRONMENT,
        host: { ...ENVIRONMENT.host!, gpus: [], models: { "tiny:latest": "ffff7a1ba12f8ef3" } },
      },
    };
    const text = renderRuns([
      { name: "q4.json", report: q4 },
      { name: "q8.json", report: q8 },
    ]);
    expect(text).toMatchInlineSnapshot(`
      "q4.json: dev, 2026-11-21T08:00:00.000Z, engine 0.17.4, NVIDIA L4, 23034 MiB, 550.54.14
      q8.json: dev, 2026-11-21T08:00:00.000Z, engine 0.17.4, no GPU, 16 × EPYC
      ┌───────────┬─────────┬───────┬──────────────┬───────────┬───────┬────────────────┬─────────┬───────────┬──────────┬───────────┬─────┬─────┐
      │ load      │ run     │ model │ weights      │ succeeded │ good  │ TTFT p50 / p95 │ ITL     │ whole     │ tokens/s │ answers/s │ CPU │ GPU │
      ├───────────┼─────────┼───────┼──────────────┼───────────┼───────┼────────────────┼─────────┼───────────┼──────────┼───────────┼─────┼─────┤
      │ 1 at once │ q4.json │ tiny  │ 92ac7a1ba12f │ 40 of 40  │ 100 % │ 50 / 55        │ 11 / 12 │ 151 / 163 │ 40.0     │ 4.00      │ –   │ –   │
      ├───────────┼─────────┼───────┼──────────────┼───────────┼───────┼────────────────┼─────────┼───────────┼──────────┼───────────┼─────┼─────┤
      │ 1 at once │ q8.json │ tiny  │ ffff7a1ba12f │ 40 of 40  │ 100 % │ 81 / 86        │ 11 / 12 │ 182 / 193 │ 40.0     │ 4.00      │ –   │ –   │
      ├───────────┼─────────┼───────┼──────────────┼───────────┼───────┼────────────────┼─────────┼───────────┼──────────┼───────────┼─────┼─────┤
      │ 5 at once │ q4.json │ tiny  │ 92ac7a1ba12f │ 40 of 40  │ 100 % │ 93 / 98        │ 11 / 12 │ 191 / 205 │ 40.0     │ 4.00      │ –   │ –   │
      ├───────────┼─────────┼───────┼──────────────┼───────────┼───────┼────────────────┼─────────┼───────────┼──────────┼───────────┼─────┼─────┤
      │ 5 at once │ q8.json │ tiny  │ ffff7a1ba12f │ 40 of 40  │ 100 % │ 140 / 153      │ 11 / 12 │ 243 / 257 │ 40.0     │ 4.00      │ –   │ –   │
      └───────────┴─────────┴───────┴──────────────┴───────────┴───────┴────────────────┴─────────┴───────────┴──────────┴───────────┴─────┴─────┘
      Times in milliseconds. Good: succeeded and within the objectives, of all requests.
      Not the same work: the longest answers have 128, 64 tokens, so whole and answers/s can't be compared."
    `);
  });
});

test("a file that is no report is refused, with all the others that are none", () => {
  const folder = mkdtempSync(join(tmpdir(), "bench-reports-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const good = file("good.json", JSON.stringify(run(stage(samples(3, 50, 1)))));
  expect(readBenchReports([good])).toHaveLength(1);
  const other = file("other.json", "{}");
  expect(() => readBenchReports([good, other, "/nowhere.json"])).toThrow(
    `${other}: it is no report of npm run bench\n/nowhere.json: there is no such file`,
  );
});
