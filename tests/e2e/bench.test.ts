import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { benchReportSchema } from "../../bench/load/report";
import { CHROMIUM_MISSING, lookAt } from "../harness/browser";
import { Clone, DOCKER_MISSING, PATIENT } from "../harness/clone";

describe.skipIf(DOCKER_MISSING)("the benchmark of a real deployment (needs Docker)", () => {
  let clone: Clone;

  const report = (file: string) => benchReportSchema.parse(JSON.parse(clone.read(file)));
  const bench = async (...args: string[]) => {
    const run = await clone.run(["bench", "dev", "--requests", "20", "--tokens", "24", ...args]);
    expect(run.exitCode, run.output).toBe(0);
    return run;
  };

  beforeAll(async () => {
    clone = await Clone.make();
    // Two quantizations of a model are two entries; these two have the same weights.
    const model = { source: "builtin:tiny", context: 2048 };
    const models = ["tiny", "other"].map((name) => ({ name, ...model }));
    clone.configure({ models, ...PATIENT });
    const up = await clone.run(["up"]);
    expect(up.exitCode, up.output).toBe(0);
  });
  afterAll(() => clone.remove());

  test("asks every model with every load, and says what the host was busy with", async () => {
    const { stdout } = await bench("--concurrency", "1,3", "--json", "reports/first.json");
    const { stages, coldStarts, environment } = report("reports/first.json");
    expect(coldStarts).toEqual([]);
    expect(stages.map(({ model, load }) => ({ model, load }))).toEqual(
      ["tiny", "other"].flatMap((model) =>
        [1, 3].map((concurrency) => ({ model, load: { kind: "closed", concurrency } })),
      ),
    );
    for (const { figures, host, samples } of stages) {
      expect(figures).toMatchObject({ requests: 20, succeeded: 20, faults: {} });
      expect(samples.every(({ tokens }) => tokens === 24)).toBe(true);
      expect(host.gpus).toEqual([]);
    }
    expect(stages.some(({ host }) => host.readings > 0 && host.memory !== null)).toBe(true);
    expect(environment).toMatchObject({
      engine: expect.any(String) as string,
      host: {
        system: expect.stringContaining("Debian") as string,
        nginx: expect.stringMatching(/^\d/) as string,
        models: { "tiny:latest": expect.stringMatching(/^[0-9a-f]{64}$/) as string },
      },
    });
    expect(stdout).toContain("│ tiny");
    console.log(stdout);
  });

  test("sends requests when they are due, after a cold start, and compares with the run before", async () => {
    const { stdout, output } = await bench(
      ...["--rate", "4", "--concurrency", "1", "--model", "tiny", "--cold-start", "--yes"],
      ...["--against", clone.path("reports/first.json"), "--html", "reports/bench.html"],
    );
    expect(output).toContain("is going to be restarted");
    const { stages, coldStarts } = report("reports/bench.json");
    expect(coldStarts).toMatchObject([{ model: "tiny" }]);
    expect(coldStarts[0]!.firstToken).toBeGreaterThan(coldStarts[0]!.ready);
    expect(stages[1]).toMatchObject({ load: { kind: "open", perSecond: 4, arrivals: "poisson" } });
    expect(stages[1]!.figures.seconds).toBeGreaterThan(stages[1]!.samples.at(-1)!.due / 1000);
    expect(stdout).toMatch(/tiny +│ 1 at once │ TTFT p50/);
    console.log(stdout);
  });

  test.skipIf(CHROMIUM_MISSING)("shows the run as a page in a browser (needs Chromium)", async () => {
    const { titles, coloured, errors } = await lookAt(clone.read("reports/bench.html"), {
      scheme: "light",
      width: 1200,
    });
    expect(errors).toEqual([]);
    expect(titles).toEqual([
      ...["time to first token", "time between tokens", "time of a whole answer"].map((what) => `tiny: ${what}`),
      ...["1 at once", "4/s poisson"].map((load) => `tiny, ${load}: asked and answered`),
      ...["The host: busy", "The host: memory in use"],
    ]);
    expect(coloured.filter((pixels) => pixels < 100)).toEqual([]);
    expect(clone.read("reports/bench.html")).toContain("<h2>Against ");
  });

  test("shows several runs in one table", async () => {
    const { stdout, exitCode } = await clone.run(["bench:table", "reports/first.json", "reports/bench.json"]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/│ 1 at once +│ reports\/first\.json │ tiny +│ [0-9a-f]{12} │ 20 of 20 +│/);
    console.log(stdout);
  });

  test("keeps the key out of the report and off the console", () => {
    const key = clone.read(".tms-llm", "dev", "tms.key").trim();
    const files = ["first.json", "bench.json", "bench.html"].map((file) => clone.read("reports", file));
    for (const text of [clone.console, ...files]) expect(text.includes(key)).toBe(false);
  });

  test("refuses what it can't measure before anything is asked", async () => {
    const run = await clone.run(["bench", "dev", "--rate", "1000", "--cold-start"]);
    expect(run.exitCode, run.output).toBe(4);
    expect(run.output).toMatch(/--rate 1000: allowed is above 0/);
    const cold = await clone.run(["bench", "dev", "--cold-start"]);
    expect(cold.exitCode, cold.output).toBe(4);
    expect(cold.output).toContain("nobody is here to confirm");
  });
});
