import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UV } from "../plan/catalog/vllm";
import { cudaStubsArtifact, UV_ARTIFACT } from "../plan/engines/vllm";
import { type Artifact, findArtifact, recordArtifact } from "./artifacts";
import { runCommand } from "./command";
import { installPackages, packagesToInstall } from "./debian";
import { sha256OfFile } from "./download";
import { ToolchainError } from "./failure";
import { makeOnce } from "./once";
import type { Intent, Piece } from "./piece";
import { cacheFolder, PROJECT } from "./places";

/** What a sandbox installs vLLM from: one folder of wheels for all sandboxes of this machine, and the empty CUDA libraries. */

const PURPOSE = "vLLM's packages";
const LOG = "vllm-packages";
/** Python with pip, to download; a compiler, for the empty CUDA libraries. */
const TOOLS = ["python3-venv", "gcc", "libc6-dev", "binutils"];

/** Platforms of the wheels in the lock file, for a pip that runs under another Python than the sandbox's. */
const PLATFORMS = [
  ...Array.from({ length: 32 }, (_, index) => `manylinux_2_${36 - index}_x86_64`),
  "manylinux2014_x86_64",
  "manylinux2010_x86_64",
  "manylinux1_x86_64",
];

const lockFile = (version: string) => join(PROJECT, "templates", "vllm", `${version}-cpu.txt`);

function folderOf(version: string): string {
  const lock = createHash("sha256")
    .update(readFileSync(lockFile(version)))
    .update(UV.sha256)
    .digest("hex");
  return join(cacheFolder(), "vllm", `${version}-cpu-${lock.slice(0, 12)}`);
}

/** The packages as a piece; the artifact is the installer's wheel, and the other wheels lie beside it. */
export function vllmPackages(version: string): Piece<Artifact> {
  const folder = folderOf(version);
  const uvWheel = () => {
    const wheels = join(folder, "wheels");
    return join(
      wheels,
      readdirSync(wheels).find((name) => name.startsWith("uv-"))!,
    );
  };

  async function record(): Promise<Artifact> {
    const stubs = join(folder, "cuda-stubs.tar");
    recordArtifact(cudaStubsArtifact(version), {
      path: stubs,
      sha256: await sha256OfFile(stubs),
      origin: "local-build",
    });
    return recordArtifact(UV_ARTIFACT, { path: uvWheel(), sha256: UV.sha256, origin: "official" });
  }

  return {
    name: `vLLM ${version} for CPUs`,
    find() {
      const uv = findArtifact(UV_ARTIFACT);
      const found = uv !== undefined && existsSync(folder) && uv.path === uvWheel();
      return Promise.resolve(found && findArtifact(cudaStubsArtifact(version)) !== undefined ? uv : undefined);
    },
    plan(): Promise<Intent> {
      if (process.arch !== "x64") {
        throw new ToolchainError(
          `vLLM ${version} cannot be delivered to a sandbox.`,
          `its lock file is for x86_64, and this machine is ${process.arch}`,
          "Use `engine: { kind: ollama }`, or another machine.",
        );
      }
      if (existsSync(folder)) return Promise.resolve({ how: "from this machine's cache", seconds: 1 });
      const packages = packagesToInstall(TOOLS, PURPOSE);
      return Promise.resolve({ how: "wheels from the Python package index, 0.9 GB", seconds: 60, packages });
    },
    async make(report) {
      await makeOnce(
        folder,
        async (place) => {
          await installPackages(TOOLS, PURPOSE, report);
          report("downloading 0.9 GB");
          await downloadWheels(version, place);
          report("making empty CUDA libraries");
          await makeStubs(place);
        },
        () => report("waiting for another download"),
      );
      return record();
    },
  };
}

async function downloadWheels(version: string, place: string): Promise<void> {
  const options = {
    log: LOG,
    failure: `The packages of vLLM ${version} could not be downloaded.`,
    wayOut: "Check that pip reaches its package index, then run the command again.",
  };
  mkdirSync(place);
  const environment = join(place, "environment");
  const list = join(place, "requirements.txt");
  writeFileSync(list, `${readFileSync(lockFile(version), "utf8")}uv==${UV.version} --hash=sha256:${UV.sha256}\n`);
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
    [join(__dirname, "vllm", "cuda-stubs.sh"), join(wheels, torch), join(place, "cuda-stubs.tar")],
    {
      log: LOG,
      failure: "The empty CUDA libraries could not be made.",
      wayOut: "Read the lines above, then run the command again.",
    },
  );
}
