import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { TRANSFORMERS_VERSIONS, transformersRelease } from "../../../../plan/catalog/transformers";
import { stackSchema } from "../../../../plan/config/schema";
import type { PythonFiles } from "../../../../plan/engines/python-environment";
import { transformersModelStep, transformersStep } from "../../../../plan/engines/transformers";
import { resolveStack } from "../../../../plan/sizing/resolve";
import type { ResolvedTransformers } from "../../../../plan/sizing/resolved";

const ROOT = join(__dirname, "..", "..", "..", "..");

function stack(engine: Record<string, unknown> = {}, model: Record<string, unknown> = {}) {
  const config = stackSchema.parse({
    target: { kind: "sandbox" },
    engine: { kind: "transformers", ...engine },
    models: [{ name: "m", source: "folder:/srv/m", sha256: "a".repeat(64), ...model }],
  });
  const resolved = resolveStack(config, "test", undefined).config;
  return { engine: resolved.engine as ResolvedTransformers, model: resolved.models[0]! };
}

const FILES: PythonFiles = { uv: { name: "uv", sha256: "1".repeat(64), source: { kind: "local", path: "/uv" } } };

const modelStep = (engine: Record<string, unknown> = {}, model: Record<string, unknown> = {}) => {
  const parts = stack(engine, model);
  return transformersModelStep(parts.engine, parts.model, FILES);
};
const fileOf = (step: ReturnType<typeof modelStep>, ending: string) =>
  step.files.find(({ path }) => path.endsWith(ending))!.text;

describe("Transformers", () => {
  test.each(TRANSFORMERS_VERSIONS)("%s has a lock file per variant, one hash for each package", (version) => {
    for (const variant of ["cpu", "cuda"]) {
      const text = readFileSync(join(ROOT, "templates", "transformers", `${version}-${variant}.txt`), "utf8");
      const packages = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
      expect(packages.filter((line) => !/^[a-z0-9-]+==\S+ --hash=sha256:[0-9a-f]{64}$/.test(line))).toEqual([]);
      for (const name of [`transformers==${version} `, "torch==", "safetensors==", "uvicorn=="])
        expect(packages.some((line) => line.startsWith(name))).toBe(true);
    }
  });

  test("fetches Python with the index, and takes the host's own with a folder of wheels", () => {
    const inputs = (packages: string) => transformersStep(stack({ packages }).engine, FILES).inputs;
    const { series, managed } = transformersRelease(TRANSFORMERS_VERSIONS[0]!).python.cuda;
    expect(inputs("index")).toMatchObject({ wheels: "", python: managed });
    expect(inputs("folder:/srv/wheels")).toMatchObject({ wheels: "/srv/wheels", python: series });
  });

  test("is told folder, name and bounds, and neither host nor port", () => {
    const settings = (engine: Record<string, unknown>) =>
      JSON.parse(fileOf(modelStep(engine, { context: 8192 }), "settings.json")) as unknown;
    expect(settings({ queue: 3, drain: "90s" })).toEqual({
      model: "/srv/m",
      name: "m",
      socket: "/run/httpd-llm-transformers/engine.sock",
      context: 8192,
      queue: 3,
      drain: 90,
      device: "auto",
      dtype: "auto",
    });
    expect(settings({ variant: "cpu" })).toMatchObject({ device: "cpu", dtype: "float32" });
  });

  test("is deployed anew when what it does changes, and not for its unit", () => {
    const deployment = (...parts: Parameters<typeof modelStep>) => modelStep(...parts).inputs["deployment"];
    expect(deployment()).toBe(deployment());
    expect(deployment({}, { context: 8192 })).not.toBe(deployment());
    expect(deployment({ queue: 3 })).not.toBe(deployment());
    expect(deployment({ memoryMax: "8 GiB" })).toBe(deployment());
  });

  test("has no network, and ends a stop that a client would hold for ever", () => {
    const unit = fileOf(modelStep({ drain: "2m" }), ".service");
    for (const line of [
      "PrivateNetwork=yes",
      "RestrictAddressFamilies=AF_UNIX",
      "TimeoutStopSec=135",
      "Restart=always",
    ])
      expect(unit).toContain(`${line}\n`);
  });
});
