import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { execa, execaSync } from "execa";
import { describe, expect, test } from "vitest";
import { stackSchema } from "../../../plan/config/schema";
import { healthStep } from "../../../plan/health";
import { DRIFT_TEXT, loaderText, PREFLIGHT_TEXT, REMOVAL_TEXT } from "../../../plan/render/loader";

const ROOT = join(__dirname, "..", "..", "..");
const HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
const SHELLCHECK_MISSING = execaSync("shellcheck", ["--version"], { reject: false }).failed;

/** All faults that shellcheck finds, one a line. */
async function faults(text: string, ...options: string[]): Promise<string[]> {
  const { stdout } = await execa("shellcheck", ["--format=gcc", ...options, "-"], {
    input: text,
    cwd: ROOT,
    reject: false,
  });
  return stdout.split("\n").filter((line) => line !== "");
}

const scripts = globSync(["templates/**/*.sh", "tests/**/*.sh", "toolchain/**/*.sh", "bench/**/*.sh", ".ci/run"], {
  cwd: ROOT,
});
const textOf = (path: string) => readFileSync(join(ROOT, path), "utf8");
const hasSlots = (path: string) => /\{\{\w+\}\}/.test(textOf(path));

describe.skipIf(SHELLCHECK_MISSING)("shellcheck (needs shellcheck: apt-get install shellcheck)", () => {
  test("finds a fault where there is one", async () => {
    expect(await faults("#!/bin/sh\nrm $1\n")).toEqual([expect.stringContaining("SC2086")]);
  });

  test.each(scripts.filter((path) => !hasSlots(path)))("accepts %s", async (path) => {
    expect(await faults(textOf(path))).toEqual([]);
  });

  const healthCheck = (engine: Record<string, string>) =>
    healthStep(
      stackSchema.parse({
        target: { kind: "ssh", host: "gpu.internal", hostKey: HOST_KEY },
        engine,
        models: ["first", "second:1b"].map((name) => ({ name, source: "builtin:tiny" })),
      }),
      [{ name: "client/tms/a", generation: 1, expires: "2026-12-31" }],
    ).files.find(({ path }) => path.endsWith(".sh"))!.text;
  const rendered = [
    ["Ollama", healthCheck({ kind: "ollama", device: "any" })],
    ["Ollama on a GPU", healthCheck({ kind: "ollama", device: "gpu" })],
    ["vLLM for CPUs", healthCheck({ kind: "vllm", variant: "cpu" })],
    ["vLLM on a GPU", healthCheck({ kind: "vllm" })],
    ["Transformers for CPUs", healthCheck({ kind: "transformers", variant: "cpu" })],
    ["Transformers on a GPU", healthCheck({ kind: "transformers" })],
  ] as const;

  test.each(rendered)("accepts the health check of %s as it is rendered", async (_, text) => {
    expect(await faults(text)).toEqual([]);
  });

  test("every template with slots is part of what is rendered here", () => {
    const firstLines = scripts.filter(hasSlots).map((path) =>
      textOf(path)
        .split("\n")
        .find((line) => !line.includes("{{"))!,
    );
    expect(firstLines.filter((line) => !rendered.some(([, text]) => text.includes(line)))).toEqual([]);
  });

  test.each([
    ["a phase", loaderText("base", "0".repeat(64), "host")],
    ["the anchor", loaderText("anchor", "", "", "anchor")],
    ["the removal", REMOVAL_TEXT],
    ["the drift check", DRIFT_TEXT],
    ["the preflight", PREFLIGHT_TEXT],
  ])("accepts what starts %s", async (_, text) => {
    // SC2086: $as is two words or none. SC2016: the inner script is expanded by the shell it is for.
    expect(await faults(text, "--shell=sh", "--exclude=SC2086,SC2016")).toEqual([]);
  });

  test.each([
    ["a phase", loaderText("base", "0".repeat(64), "host")],
    ["the removal", REMOVAL_TEXT],
    ["the drift check", DRIFT_TEXT],
  ])("accepts the inner script of %s", async (_, text) => {
    const inner = /bash -c '([^']+)'/.exec(text)![1]!;
    // SC2086: the folders are ours and have no spaces, and a quote would end the outer text.
    expect(await faults(inner, "--shell=bash", "--exclude=SC2086")).toEqual([]);
  });
});
