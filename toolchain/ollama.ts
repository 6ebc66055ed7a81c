import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { constants, zstdCompress } from "node:zlib";
import { createTar } from "nanotar";
import type { OllamaRelease } from "../plan/catalog/ollama";
import { type Artifact, findArtifact, recordArtifact } from "./artifacts";
import { runCommand } from "./command";
import { installPackages, packagesToInstall } from "./debian";
import { downloadFile, sha256OfFile } from "./download";
import { ToolchainError } from "./failure";
import { buildWithGo, findGo } from "./go-build";
import { reachable } from "./internet";
import { makeOnce } from "./once";
import { expectedChecksum, type OllamaRequest, requestedRelease } from "./ollama-release";
import type { Intent, Piece, Report } from "./piece";
import { cacheFolder } from "./places";

/** Headers that Ollama's llama.cpp includes and that its Go module leaves out. */
const BUILD_PACKAGES = ["g++", "nlohmann-json3-dev", "libstb-dev"];
/** A Go module that carries `miniaudio.h`, which Debian 12 does not package. */
const MINIAUDIO_MODULE = "github.com/gen2brain/malgo@v0.11.24";

export interface OllamaOptions extends OllamaRequest {
  /** A local build goes to sandboxes only. */
  readonly allowLocalBuild: boolean;
}

/** The archive of an Ollama release, `bin/ollama` in it, as a piece. */
export function ollama({ allowLocalBuild, ...request }: OllamaOptions): Piece<Artifact> {
  const { version, mirror } = request;
  const { release, arch, key } = requestedRelease(request);
  // A mirror is asked for the file at once; what is wrong with it, the download says.
  const canDownload = () => (mirror === undefined ? reachable(release.archives[arch].url) : Promise.resolve(true));
  const folder = (origin: Artifact["origin"]) => join(cacheFolder(), "artifacts", key, origin);
  const file = (origin: Artifact["origin"]) => join(folder(origin), `${key}.tar.zst`);

  /** Both come into being together, in one folder that is moved into place. */
  function inCache(origin: Artifact["origin"]): Artifact | undefined {
    if (!existsSync(file(origin))) return undefined;
    return { path: file(origin), sha256: readFileSync(`${file(origin)}.sha256`, "utf8").trim(), origin };
  }

  async function official(report: Report): Promise<Artifact> {
    await makeOnce(
      folder("official"),
      async (place) => {
        mkdirSync(place);
        const archive = join(place, `${key}.tar.zst`);
        const expected = await expectedChecksum({ release, arch, key }, report);
        report("downloading");
        const found = await downloadFile(release.archives[arch].url, archive, report);
        if (found !== expected) throw checksumMismatch(release.archives[arch].url, expected, found);
        writeFileSync(`${archive}.sha256`, `${found}\n`);
      },
      () => report("waiting for another download"),
    );
    return recordArtifact(key, inCache("official")!);
  }

  async function localBuild(report: Report): Promise<Artifact> {
    await makeOnce(
      folder("local-build"),
      async (place) => {
        mkdirSync(place);
        const archive = join(place, `${key}.tar.zst`);
        await buildArchive(version, release, archive, report);
        writeFileSync(`${archive}.sha256`, `${await sha256OfFile(archive)}\n`);
      },
      () => report("waiting for another build"),
    );
    return recordArtifact(key, inCache("local-build")!);
  }

  return {
    name: `Ollama ${version}`,
    find() {
      const entry = findArtifact(key);
      const usable = entry !== undefined && (allowLocalBuild || entry.origin === "official");
      return Promise.resolve(usable ? entry : undefined);
    },
    async plan(): Promise<Intent> {
      if (inCache("official") || (allowLocalBuild && inCache("local-build")))
        return { how: "from this machine's cache", seconds: 1 };
      if (await canDownload())
        return {
          how: `official release archive, 1.5 GB${mirror === undefined ? "" : `, from ${mirror}`}`,
          seconds: 120,
        };
      if (!allowLocalBuild) throw officialMissing(version, release);
      await findGo(`Ollama ${version}`);
      return {
        how: "no internet: built here from Go modules, for sandboxes only",
        seconds: 360,
        packages: packagesToInstall(BUILD_PACKAGES, `Building Ollama ${version}`),
      };
    },
    async make(report) {
      const ready = inCache("official") ?? (allowLocalBuild ? inCache("local-build") : undefined);
      if (ready !== undefined) return recordArtifact(key, ready);
      if (await canDownload()) {
        try {
          return await official(report);
        } catch (error) {
          if (mirror !== undefined || !allowLocalBuild || !(error instanceof ToolchainError) || error.exitCode === 4)
            throw error;
          report(`the official archive cannot be had (${error.why}); building instead`);
        }
      }
      if (!allowLocalBuild) throw officialMissing(version, release);
      return localBuild(report);
    },
  };
}

function officialMissing(version: string, { source }: OllamaRelease): ToolchainError {
  return new ToolchainError(
    `The official archive of Ollama ${version} is missing.`,
    `${source} could not be reached, and what is built locally goes to sandboxes only`,
    "Connect this machine to the internet (a proxy by https_proxy), or name a server or folder that has it as mirrors.ollama in the stack file (docs/operate/mirrors.md); then run the command again.",
  );
}

function checksumMismatch(url: string, expected: string, found: string): ToolchainError {
  return new ToolchainError(
    `${url} is not the file that it should be.`,
    `expected SHA-256 ${expected}, found ${found}`,
    "Do not use it. Try again later; if it stays so, tell the publisher.",
    4,
  );
}

/** Builds the server for CPUs and packs it as the official archive is laid out. */
async function buildArchive(version: string, release: OllamaRelease, archive: string, report: Report): Promise<void> {
  const go = await findGo(`Ollama ${version}`);
  await installPackages(BUILD_PACKAGES, `Building Ollama ${version}`, report);
  const folder = mkdtempSync(join(tmpdir(), "tms-llm-ollama-"));
  try {
    report("fetching a header");
    const flags = `-O2 -I${await headers(go)} -I/usr/include/stb`;
    report("compiling");
    const binary = join(folder, "ollama");
    await buildWithGo(go, {
      module: release.module,
      packagePath: release.module.split("@")[0]!,
      output: binary,
      linkerFlags: `-s -w -X github.com/ollama/ollama/version.Version=${version}`,
      log: "ollama-build",
      env: { CGO_ENABLED: "1", CGO_CFLAGS: flags, CGO_CXXFLAGS: flags },
    });
    report("packing");
    // Owner, mode and time are fixed, so that equal binaries give equal archives.
    const tar = createTar([{ name: "bin/ollama", data: readFileSync(binary) }], {
      attrs: { mode: "755", mtime: 0, uid: 0, gid: 0, user: "root", group: "root" },
    });
    writeFileSync(archive, await promisify(zstdCompress)(tar, { params: { [constants.ZSTD_c_compressionLevel]: 3 } }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A folder for the include path with `miniaudio/miniaudio.h`; always the same, because Go's build cache minds the path. */
async function headers(go: string): Promise<string> {
  const said = await runCommand(go, ["mod", "download", "-json", MINIAUDIO_MODULE], {
    cwd: tmpdir(),
    log: "ollama-build",
    failure: `${MINIAUDIO_MODULE} could not be fetched.`,
    wayOut: "See that Go's module proxy (`go env GOPROXY`) is reachable, then run the command again.",
  });
  const { Dir } = JSON.parse(said) as { Dir: string };
  const include = join(cacheFolder(), "headers", MINIAUDIO_MODULE.split("/").pop()!);
  mkdirSync(join(include, "miniaudio"), { recursive: true });
  cpSync(join(Dir, "miniaudio.h"), join(include, "miniaudio", "miniaudio.h"));
  return include;
}
