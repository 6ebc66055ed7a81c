import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { models } from "../../../cli/models";

const L4 = readFileSync(join(__dirname, "../../golden/auto-l4/facts.yaml"), "utf8");

afterEach(() => vi.restoreAllMocks());

/** What is printed for a host whose facts somebody has sent. */
async function printed(facts: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "tms-llm-models-"));
  const file = join(folder, "facts.yaml");
  writeFileSync(file, facts);
  const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
  await models("prod", { facts: file });
  rmSync(folder, { recursive: true });
  return log.mock.calls.join("\n").replaceAll(file, "facts.yaml");
}

const row = (table: string) => /│ kanana-1\.5-8b .*/.exec(table)?.[0];

test("a measured host is shown with the contexts that fit, and by which settings they were computed", async () => {
  const table = await printed(L4);
  expect(row(table)).toMatch(/ 15 GiB, 24k /);
  expect(table).toContain(
    "NVIDIA L4, by facts.yaml. A cell: weights, and the longest context for one request at a time",
  );
  expect(table).toContain("bf16 is for vLLM, with gpuMemoryPercent on auto");
});

test("where the engine gets an instance of unknown memory, no context is promised", async () => {
  const table = await printed(L4.replace("mig: false", "mig: true"));
  expect(row(table)).toMatch(/ 15 GiB +│$/);
  expect(table).toContain("how much memory the engine gets is not known, so these are sizes alone");
});
