import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UV } from "../plan/catalog/python";
import { PYTHON_ENGINES, type PythonEngineKind } from "../plan/catalog/python-engines";
import { cudaStubsArtifact, uvArtifact } from "../plan/engines/python-environment";
import { type Artifact, findArtifact, recordArtifact } from "./artifacts";
import { runCommand } from "./command";
import { installPackages, packagesToInstall } from "./debian";
import { sha256OfFile } from "./download";
import { ToolchainError } from "./failure";
import { makeOnce } from "./once";
import type { Intent, Piece } from "./piece";
import { cacheFolder, PROJECT } from "./places";

/** What a sandbox installs an engine in Python from: one folder of wheels for all sandboxes of this machine, and the empty CUDA libraries. */

const PURPOSE = "the engine's packages";
const LOG = "python-packages";
/** The lock files for CPUs are for this architecture alone. */
const UV_WHEEL = UV.wheels.amd64;
/** Python with pip, to download; a compiler, for the empty CUDA libraries. */
const TOOLS = ["python3-venv", "gcc", "libc6-dev", "binutils"];

/** Platforms of the wheels in the lock file, for a pip that runs under another Python than the sandbox's. */
const PLATFORMS = [
  ...Array.from({ length: 32 }, (_, index) => `manylinux_2_${36 - index}_x86_64`),
  "manylinux2014_x86_64",
  "manylinux2010_x86_64",
  "manylinux1_x86_64",
];

/** An engine to have ready. */
export interface PythonDelivery {
  readonly kind: PythonEngineKind;
  readonly version: string;
}

const lockFile = ({ kind, version }: PythonDelivery) => join(PROJECT, "templates", kind, `${version}-cpu.txt`);

const titleOf = ({ kind, version }: PythonDelivery) => `${PYTHON_ENGINES[kind].product} ${version}`;

/** What the wheels weigh, for people. */
const DOWNLOAD = { vllm: "0.9 GB", transformers: "0.6 GB" } as const;

function folderOf(engine: PythonDelivery): string {
  const lock = createHash("sha256")
    .update(readFileSync(lockFile(engine)))
    .update(UV_WHEEL.sha256)
    .digest("hex");
  return join(cacheFolder(), engine.kind, `${engine.version}-cpu-${lock.slice(0, 12)}`);
}

/** The packages as a piece; the artifact is the installer's wheel, and the other wheels lie beside it. */
export function pythonPackages(engine: PythonDelivery): Piece<Artifact> {
  const folder = folderOf(engine);
  const stubsKey = cudaStubsArtifact(engine.kind, engine.version);
  const uvKey = uvArtifact(engine.kind);
  const uvWheel = () => {
    const wheels = join(folder, "wheels");
    return join(
      wheels,
      readdirSync(wheels).find((name) => name.startsWith("uv-"))!,
    );
  };

  async function record(): Promise<Artifact> {
    const stubs = join(folder, "cuda-stubs.tar");
    recordArtifact(stubsKey, {
      path: stubs,
      sha256: await sha256OfFile(stubs),
      origin: "local-build",
    });
    return recordArtifact(uvKey, { path: uvWheel(), sha256: UV_WHEEL.sha256, origin: "official" });
  }

  return {
    name: `${titleOf(engine)} for CPUs`,
    find() {
      const uv = findArtifact(uvKey);
      const found = uv !== undefined && existsSync(folder) && uv.path === uvWheel();
      return Promise.resolve(found && findArtifact(stubsKey) !== undefined ? uv : undefined);
    },
    plan(): Promise<Intent> {
      if (process.arch !== "x64") {
        throw new ToolchainError(
          `${titleOf(engine)} cannot be delivered to a sandbox.`,
          `its lock file is for x86_64, and this machine is ${process.arch}`,
          "Use `engine: { kind: ollama }`, or another machine.",
        );
      }
      if (existsSync(folder)) return Promise.resolve({ how: "from this machine's cache", seconds: 1 });
      const packages = packagesToInstall(TOOLS, PURPOSE);
      return Promise.resolve({
        how: `wheels from the Python package index, ${DOWNLOAD[engine.kind]}`,
        seconds: 60,
        packages,
      });
    },
    async make(report) {
      await makeOnce(
        folder,
        async (place) => {
          await installPackages(TOOLS, PURPOSE, report);
          report(`downloading ${DOWNLOAD[engine.kind]}`);
          const locked = readFileSync(lockFile(engine), "utf8");
          const installer = `uv==${UV.version} --hash=sha256:${UV_WHEEL.sha256}\n`;
          await downloadWheels(`The packages of ${titleOf(engine)}`, locked + installer, place);
          report("making empty CUDA libraries");
          await makeStubs(place);
        },
        () => report("waiting for another download"),
      );
      return record();
    },
  };
}

/**
 * Makes the folder `place`, with the wheels in `wheels`.
 * @param what the packages, for people
 * @param locked lines of a lock file
 */
export async function downloadWheels(what: string, locked: string, place: string): Promise<void> {
  const options = {
    log: LOG,
    failure: `${what} could not be downloaded.`,
    wayOut: "Check that pip reaches its package index, then run the command again.",
  };
  mkdirSync(place);
  const environment = join(place, "environment");
  const list = join(place, "requirements.txt");
  writeFileSync(list, locked);
  await runCommand("python3", ["-m", "venv", environment], options);
  await runCommand(
    join(environment, "bin", "python"),
    [
      ...["-m", "pip", "download", "--quiet", "--require-hashes", "--no-deps", "--only-binary", ":all:"],
      ...["--python-version", "3.11", "--implementation", "cp", "--abi", "cp311", "--abi", "abi3", "--abi", "none"],
      ...PLATFORMS.flatMap((platform) => ["--platform", platform]),
      ...["--requirement", list, "--dest", join(place, "wheels")],
    ],
    options,
  );
  await runCommand("rm", ["-r", environment, list], options);
}

async function makeStubs(place: string): Promise<void> {
  const wheels = join(place, "wheels");
  const torch = readdirSync(wheels).find((name) => name.startsWith("torch-"))!;
  await runCommand(
    "bash",
    [join(__dirname, "python", "cuda-stubs.sh"), join(wheels, torch), join(place, "cuda-stubs.tar")],
    {
      log: LOG,
      failure: "The empty CUDA libraries could not be made.",
      wayOut: "Read the lines above, then run the command again.",
    },
  );
}
