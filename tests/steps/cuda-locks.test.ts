import { chmodSync, copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { UV } from "../../plan/catalog/python";
import { PYTHON_ENGINES, type PythonEngineKind } from "../../plan/catalog/python-engines";
import { TRANSFORMERS_VERSIONS } from "../../plan/catalog/transformers";
import { VLLM_VERSIONS } from "../../plan/catalog/vllm";
import { stackSchema } from "../../plan/config/schema";
import { vllmConfig } from "../../plan/engines/vllm-config";
import { resolveStack } from "../../plan/sizing/resolve";
import { downloadWheels } from "../../toolchain/python-packages";

/** The lock files for GPUs, installed as the step does it and imported; nothing is computed, for which it would take a GPU. */

const ROOT = join(__dirname, "..", "..");
const PROBES = join(ROOT, "tests", "fixtures", "cuda");

const LEFT_OUT = process.env["TMS_LLM_CUDA"] !== "1";
const WHY = LEFT_OUT ? "left out: 13 GB to download and ten minutes; TMS_LLM_CUDA=1 runs it" : "TMS_LLM_CUDA=1";

const VERSIONS: Readonly<Record<PythonEngineKind, readonly string[]>> = {
  vllm: VLLM_VERSIONS,
  transformers: TRANSFORMERS_VERSIONS,
};

const LOCKS = (["vllm", "transformers"] as const).flatMap((kind) =>
  VERSIONS[kind].flatMap((version) => {
    const release = PYTHON_ENGINES[kind].release(version);
    return release.locks
      .filter(({ variant }) => variant === "cuda")
      .map((lock) => ({
        ...lock,
        kind,
        title: `${PYTHON_ENGINES[kind].product} ${version}-${lock.name}`,
        path: join(ROOT, "templates", kind, `${version}-${lock.name}.txt`),
        python: release.python.cuda,
      }));
  }),
);

/** What a start imports, and the package that brings it. */
const IMPORTS: Readonly<Record<PythonEngineKind, Readonly<Record<string, string>>>> = {
  vllm: {
    "cuda.bindings": "cuda-bindings",
    "cuda.core": "cuda-core",
    torch: "torch",
    triton: "triton",
    flashinfer: "flashinfer-python",
    xgrammar: "xgrammar",
    llguidance: "llguidance",
    vllm: "vllm",
  },
  transformers: {
    "cuda.bindings": "cuda-bindings",
    torch: "torch",
    triton: "triton",
    accelerate: "accelerate",
    "transformers.cli.serve": "transformers",
  },
};

const pins = (path: string) =>
  Object.fromEntries(
    readFileSync(path, "utf8")
      .split("\n")
      .flatMap((line) => {
        const [, name, version] = /^([a-z0-9-]+)==(\S+) /.exec(line) ?? [];
        return name === undefined || version === undefined ? [] : [[name, version]];
      }),
  );

let place: string;
let uvWheel: string;

describe.skipIf(LEFT_OUT)(`a lock file for GPUs (${WHY})`, () => {
  beforeAll(async () => {
    place = mkdtempSync(join(tmpdir(), "tms-llm-cuda-"));
    const uv = `uv==${UV.version} --hash=sha256:${UV.wheels.amd64.sha256}\n`;
    await downloadWheels("uv", uv, join(place, "uv-wheel"));
    const wheels = join(place, "uv-wheel", "wheels");
    uvWheel = join(wheels, readdirSync(wheels)[0]!);
    await execa("python3", ["-m", "zipfile", "-e", uvWheel, join(place, "unpacked")]);
    copyFileSync(join(place, "unpacked", `uv-${UV.version}.data`, "scripts", "uv"), join(place, "uv"));
    chmodSync(join(place, "uv"), 0o755);
  });
  afterAll(() => rmSync(place, { recursive: true }));

  test.each(
    (["vllm", "transformers"] as const).flatMap((kind) => VERSIONS[kind].map((version) => ({ kind, version }))),
  )(
    "$kind $version: the index has each wheel, by checksum, for the oldest host that takes it, and each path is of one",
    async ({ kind, version }) => {
      const uv = join(place, "uv");
      const tools = ["--with", "packaging==26.3", "--with", "remotezip==0.12.6"];
      const program = join(ROOT, "toolchain", "python", "lock.py");
      const { exitCode, stdout, stderr } = await execa(
        uv,
        ["run", "--no-config", "--no-project", "--quiet", ...tools, program, kind, version, "--check"],
        {
          reject: false,
          env: { PATH: `${place}:${process.env["PATH"]}`, UV_SYSTEM_CERTS: "1", UV_CACHE_DIR: join(place, "asked") },
        },
      );
      expect([exitCode, stderr]).toEqual([0, ""]);
      expect(stdout.split("\n")).toHaveLength(PYTHON_ENGINES[kind].release(version).locks.length);
    },
  );

  describe.skipIf(process.arch !== "x64").each(LOCKS.filter(({ architecture }) => architecture === "amd64"))(
    "$title, installed with a cold cache under Python 3.12 (on a CPU)",
    ({ kind, path, python }) => {
      let home: string;
      const run = async (probe: string, ...given: string[]) => {
        const program = join(home, "release", "bin", "python");
        const { stdout } = await execa(program, [join(PROBES, probe), ...given], {
          env: { VLLM_LOGGING_LEVEL: "ERROR" },
        });
        return JSON.parse(stdout.split("\n").at(-1)!) as unknown;
      };

      beforeAll(async () => {
        home = mkdtempSync(join(place, "environment-"));
        const began = performance.now();
        await execa(join(ROOT, "tests", "harness", "cuda-environment.sh"), [home, uvWheel, path, python.managed!]);
        rmSync(join(home, ".uv"), { recursive: true });
        const { stdout } = await execa("du", ["-sb", join(home, "release")]);
        const seconds = Math.round((performance.now() - began) / 1000);
        console.log(`installed in ${seconds} s, ${(Number(stdout.split("\t")[0]) / 2 ** 30).toFixed(1)} GiB`);
      });
      afterAll(() => rmSync(home, { recursive: true }));

      test("every file is the one that its package's own list names", async () => {
        const { files, others } = (await run("intact.py")) as { files: number; others: string[] };
        console.log(`${files} files`);
        expect(others).toEqual([]);
        expect(files).toBeGreaterThan(10_000);
      });

      test("what a start imports is there, of the versions that the lock names, for CUDA 13.0", async () => {
        const imports = Object.entries(IMPORTS[kind]);
        const found = await run("versions.py", ...imports.map((pair) => pair.join("=")));
        const locked = pins(path);
        const wanted = Object.fromEntries(imports.map(([, name]) => [name, locked[name]]));
        expect(found).toEqual({
          versions: { ...wanted, torch: `${locked["torch"]}+cu130` },
          cuda: "13.0",
          library: 13000,
        });
      });

      test.skipIf(kind !== "vllm")("vLLM's own parser reads the file that we write", async () => {
        const config = stackSchema.parse({
          target: { kind: "sandbox" },
          engine: { kind: "vllm", parallel: 2, kvCacheMemory: "2 GiB", kvCacheType: "fp8" },
          models: [{ name: "m", source: "folder:/srv/m", sha256: "a".repeat(64) }],
        });
        const { engine, models } = resolveStack(config, "test", undefined).config;
        if (engine.kind !== "vllm") throw new Error("another engine");
        const file = join(home, "config.yaml");
        writeFileSync(file, vllmConfig(engine, models[0]!, "/srv/m"));
        const written = Object.entries(parse(readFileSync(file, "utf8")) as Record<string, unknown>);
        const wanted = Object.fromEntries(written.map(([flag, value]) => [flag.replaceAll("-", "_"), value]));
        expect(Object.keys(wanted).length).toBeGreaterThan(12);
        expect(await run("read_config.py", file)).toMatchObject(wanted);
      });

      test.skipIf(kind !== "vllm")("vLLM knows every variable of its own that we set", async () => {
        const set = readFileSync(join(ROOT, "templates", "vllm", "vllm.env"), "utf8").matchAll(/^(VLLM_\w+)=/gm);
        const program = "import json, vllm.envs; print(json.dumps(sorted(vllm.envs.environment_variables)))";
        const { stdout } = await execa(join(home, "release", "bin", "python"), ["-c", program]);
        const known = JSON.parse(stdout.split("\n").at(-1)!) as string[];
        const names = new Set([...[...set].map(([, name]) => name!), "VLLM_USE_FLASHINFER_SAMPLER"]);
        expect([...names].filter((name) => !known.includes(name))).toEqual([]);
      });
    },
  );
});
