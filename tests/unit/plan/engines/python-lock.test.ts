import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { UV } from "../../../../plan/catalog/python";
import { PYTHON_ENGINES, type PythonEngineKind } from "../../../../plan/catalog/python-engines";
import { TRANSFORMERS_VERSIONS } from "../../../../plan/catalog/transformers";
import { VLLM_VERSIONS, vllmRelease } from "../../../../plan/catalog/vllm";
import { parseStackConfig } from "../../../../plan/config/parse";
import { chooseLock, needsLock } from "../../../../plan/engines/python-lock";
import { hostFacts, type HostFacts } from "../../../../plan/host-facts";
import { makePlan, type Plan } from "../../../../plan/plan";
import { PlanRefused } from "../../../../plan/preflight/refusal";
import { hostFacts as measured } from "../../../fixtures/hosts/load";

const ROOT = join(__dirname, "..", "..", "..", "..");
const VERSIONS: Readonly<Record<PythonEngineKind, readonly string[]>> = {
  vllm: VLLM_VERSIONS,
  transformers: TRANSFORMERS_VERSIONS,
};
const RELEASES = (["vllm", "transformers"] as const).flatMap((kind) =>
  VERSIONS[kind].map((version) => ({ kind, version, ...PYTHON_ENGINES[kind].release(version) })),
);

describe("the lock files", () => {
  const checked = JSON.parse(readFileSync(join(ROOT, "toolchain", "python", "checked.json"), "utf8")) as Record<
    string,
    { sha256: string; glibc: string; wheels: number }
  >;
  const text = (name: string) => readFileSync(join(ROOT, "templates", name), "utf8");

  test("are those of the catalogue, for the C library that their wheels need", () => {
    const known = RELEASES.flatMap(({ kind, version, locks }) =>
      locks.map(({ name, minimumGlibc }) => [`${kind}/${version}-${name}.txt`, minimumGlibc]),
    );
    const files = (["vllm", "transformers"] as const).flatMap((kind) =>
      readdirSync(join(ROOT, "templates", kind))
        .filter((file) => file.endsWith(".txt"))
        .map((file) => `${kind}/${file}`),
    );
    expect(known.map(([file]) => file).sort()).toEqual(files.sort());
    expect(Object.fromEntries(known)).toEqual(
      Object.fromEntries(Object.entries(checked).map(([file, { glibc }]) => [file, glibc])),
    );
  });

  test.each(Object.keys(checked))("%s is as lock.py checked it: no two wheels own one path", (file) => {
    expect(createHash("sha256").update(text(file)).digest("hex")).toBe(checked[file]!.sha256);
    const lines = text(file).trim().split("\n").slice(1);
    expect(lines).toHaveLength(checked[file]!.wheels);
    expect(lines.filter((line) => !/^[a-z0-9-]+==\S+ --hash=sha256:[0-9a-f]{64}$/.test(line))).toEqual([]);
  });

  test("for GPUs bring the CUDA of the lowest driver that is let in", () => {
    for (const { kind, version, locks, minimumDriver } of RELEASES) {
      for (const { name } of locks.filter(({ variant }) => variant === "cuda")) {
        const [, cuda] = /^nvidia-cuda-runtime==(\d+\.\d+)\./m.exec(text(`${kind}/${version}-${name}.txt`))!;
        // Driver 580 brings CUDA 13.0; a newer CUDA's code is not translated by it.
        expect([minimumDriver, cuda]).toEqual([580, "13.0"]);
      }
    }
  });
});

describe("the lock file for a host", () => {
  test.each([
    ["nobody has measured", undefined, "cuda"],
    ["of Ubuntu 22.04", { architecture: "amd64", glibc: "2.35" }, "cuda"],
    ["of release 9 of RHEL's family", { architecture: "amd64", glibc: "2.34" }, "cuda"],
    ["of release 8 of RHEL's family", { architecture: "amd64", glibc: "2.28" }, "cuda-glibc2.28"],
    ["older than every lock file", { architecture: "amd64", glibc: "2.17" }, "cuda-glibc2.28"],
    ["with another C library", { architecture: "amd64", glibc: null }, "cuda-glibc2.28"],
    ["of 64-bit Arm", { architecture: "arm64", glibc: "2.39" }, "cuda-arm64"],
    ["of 64-bit Arm, older than its lock file", { architecture: "arm64", glibc: "2.28" }, "cuda-arm64"],
    ["of another architecture", { architecture: "ppc64le", glibc: "2.39" }, undefined],
  ])("%s: %o → %s", (_title, host, name) => {
    expect(chooseLock(vllmRelease("0.32.0"), "cuda", host)?.name).toBe(name);
  });
});

function stack(engine: object, more: object = {}) {
  const model = { name: "m", source: "folder:/srv/m", sha256: "a".repeat(64) };
  return parseStackConfig(
    {
      target: {
        kind: "ssh",
        host: "203.0.113.10",
        hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
      },
      engine,
      models: [model],
      access: { allow: ["198.51.100.0/24"] },
      ...more,
    },
    { stack: "prod", file: "Pulumi.prod.yaml" },
  );
}

const ARTIFACT = { path: "/ollama.tar.zst", origin: "official" } as const;

function planFor(engine: object, facts: HostFacts | undefined, more: object = {}): Plan {
  return makePlan(stack(engine, more), {
    stack: "prod",
    architecture: facts?.architecture ?? "amd64",
    artifacts: Object.fromEntries(
      ["amd64", "arm64"].map((architecture) => [
        `ollama-0.17.4-linux-${architecture}`,
        { ...ARTIFACT, sha256: architecture.length.toString().repeat(64) },
      ]),
    ),
    ...(facts ? { facts } : {}),
  });
}

/** What of the plan is for one kind of processor: the names in its steps, files and artifacts. */
function processors(plan: Plan): string[] {
  const text = JSON.stringify(
    plan.steps.map(({ inputs, files, artifacts }) => ({
      inputs,
      artifacts,
      files: files.map(({ path, text }) => ({ path, text })),
    })),
  );
  const words = text.matchAll(/x86[_-]64|amd64|aarch64|arm64|\bsbsa\b/g);
  return [...new Set([...words].map(([word]) => (/x86|amd64/.test(word) ? "amd64" : "arm64")))].sort();
}

const on = (host: string, changes: Partial<HostFacts> = {}): HostFacts => ({
  ...hostFacts(measured(host)),
  ...changes,
});
const ORACLE_8 = { system: { id: "ol", version: "8.10" }, glibc: "2.28" };
const OLLAMA = { models: [{ name: "m", source: "ollama:qwen3:8b", memory: "8 GiB", context: "8k" }] };
const TOOLKIT = { gpu: { containerToolkit: "install" } };

describe("nothing for one processor is planned for another", () => {
  test.each<[string, object, object]>([
    ["vLLM", { kind: "vllm" }, {}],
    ["Transformers", { kind: "transformers" }, {}],
    ["Ollama", { kind: "ollama" }, OLLAMA],
    ["vLLM beside the container toolkit", { kind: "vllm" }, TOOLKIT],
  ])("%s", (_title, engine, more) => {
    for (const architecture of ["amd64", "arm64"]) {
      const plan = planFor(engine, on("l4", { architecture }), more);
      expect(processors(plan).filter((found) => found !== architecture)).toEqual([]);
      expect(plan.requirements.architecture).toBe(architecture);
    }
  });

  test("vLLM for 64-bit Arm has the installer and the lock file of its own", () => {
    const { steps, requirements } = planFor({ kind: "vllm" }, on("gb10"), {
      engine: { kind: "vllm", gpuMemoryPercent: 80 },
    });
    const step = steps.find(({ name }) => name === "vllm")!;
    expect(step.artifacts[0]!.sha256).toBe(UV.wheels.arm64.sha256);
    expect(step.files[0]!.path).toBe("/opt/llm/vllm/locks/0.32.0-cuda-arm64.txt");
    expect(step.files[0]!.text).toMatch(/^# vLLM 0\.32\.0, cuda-arm64: Python 3\.12, aarch64\./);
    expect(step.inputs["release"]).toMatch(/^\/opt\/llm\/vllm\/0\.32\.0-cuda-arm64-[0-9a-f]{8}$/);
    expect(requirements).toMatchObject({ architecture: "arm64", glibc: "2.34", lowestGlibc: "2.34" });
  });

  test("vLLM for release 8 of RHEL's family has the lock file for its C library, in a folder of its own", () => {
    const { steps, requirements } = planFor({ kind: "vllm" }, on("l4", ORACLE_8));
    const step = steps.find(({ name }) => name === "vllm")!;
    expect(step.files[0]!.text).toMatch(/^llguidance==1\.6\.0 /m);
    expect(step.inputs["release"]).toMatch(/^\/opt\/llm\/vllm\/0\.32\.0-cuda-glibc2\.28-[0-9a-f]{8}$/);
    expect(requirements).toMatchObject({ architecture: "amd64", glibc: "2.28", lowestGlibc: "2.28" });
  });

  test("a lock file that is made anew is another release, beside the one that serves", () => {
    const { steps } = planFor({ kind: "vllm" }, on("l4"));
    const { files, inputs } = steps.find(({ name }) => name === "vllm")!;
    const made = createHash("sha256").update(files[0]!.text).digest("hex").slice(0, 8);
    expect(inputs["release"]).toBe(`/opt/llm/vllm/0.32.0-cuda-${made}`);
  });

  test("without facts the plan is for a measured host of the usual kind, and preflight demands one", () => {
    const { steps, requirements } = planFor({ kind: "vllm" }, undefined);
    expect(steps.find(({ name }) => name === "vllm")!.inputs["release"]).toMatch(
      /^\/opt\/llm\/vllm\/0\.32\.0-cuda-[0-9a-f]{8}$/,
    );
    expect(requirements).toMatchObject({ architecture: "amd64", glibc: "2.34", lowestGlibc: "2.28" });
  });

  test.each(["vllm", "transformers"])(
    "%s on a processor that it has no packages for is refused in the plan",
    (kind) => {
      expect(() => planFor({ kind }, on("l4", { architecture: "ppc64le" }))).toThrow(
        expect.objectContaining({
          name: "PlanRefused",
          message: expect.stringContaining("needed:  amd64 or arm64") as string,
        }),
      );
    },
  );

  test("NVIDIA's driver from a repository for x86_64 is refused in the plan", () => {
    const driver = { gpu: { driver: "install" } };
    for (const host of ["oracle-8", "debian-12-sandbox"].map((name) => on(name, { memory: 64 * 2 ** 30 }))) {
      expect(processors(planFor({ kind: "ollama" }, host, { ...OLLAMA, ...driver }))).toEqual(["amd64"]);
      const other = { ...host, architecture: "arm64" };
      expect(() => planFor({ kind: "ollama" }, other, { ...OLLAMA, ...driver })).toThrow(PlanRefused);
    }
  });
});

test("a host is measured first where its lock file depends on what it is", () => {
  expect(["vllm", "transformers"].map((kind) => needsLock(stack({ kind }).engine))).toEqual([true, true]);
  expect(needsLock(stack({ kind: "ollama" }, OLLAMA).engine)).toBe(false);
});
