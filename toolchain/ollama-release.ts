import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Pins, pinsSchema } from "../plan/artifacts";
import { OLLAMA_RELEASES, type OllamaRelease } from "../plan/catalog/ollama";
import { ollamaArtifact } from "../plan/engines/ollama";
import { ollamaReleaseUrl } from "../plan/mirrors";
import { findArtifact } from "./artifacts";
import { downloadText } from "./download";
import { ToolchainError } from "./failure";
import { reachable } from "./internet";
import type { Piece, Report } from "./piece";
import { architecture, PRIVATE } from "./places";
import { writePrivate } from "./private-files";

/** Where a release of Ollama comes from, and what its archive must weigh in with. */

export interface OllamaRequest {
  readonly version: string;
  /** What the host computes on, in Debian's word; default: as this machine. */
  readonly architecture?: string;
  /** A folder (`folder:/…`) or server in the place of the publisher's. */
  readonly mirror?: string;
}

export interface RequestedRelease {
  readonly release: OllamaRelease;
  readonly arch: "amd64" | "arm64";
  /** Name of its archive in the artifact index. */
  readonly key: string;
}

/** @throws ToolchainError for a version that the catalogue does not have, or an architecture that the publisher does not serve */
export function requestedRelease({ version, architecture: wanted, mirror }: OllamaRequest): RequestedRelease {
  const arch = releasedFor(version, wanted ?? architecture() ?? process.arch);
  return { release: fromMirror(ollamaRelease(version), mirror), arch, key: ollamaArtifact(version, arch) };
}

/** The catalogue's entry for a version. @throws ToolchainError for a version that it does not have */
export function ollamaRelease(version: string): OllamaRelease {
  const release = OLLAMA_RELEASES[version];
  if (release !== undefined) return release;
  throw new ToolchainError(
    `Ollama ${version} cannot be delivered.`,
    `the release catalogue has only ${Object.keys(OLLAMA_RELEASES).join(", ")}`,
    `Set \`engine.version\` in the stack file to one of them, or add ${version} to plan/catalog/releases.yaml.`,
    4,
  );
}

function releasedFor(version: string, arch: string): "amd64" | "arm64" {
  if (arch === "amd64" || arch === "arm64") return arch;
  throw new ToolchainError(
    `Ollama ${version} cannot be delivered.`,
    `its publisher has it for amd64 and arm64, and not for ${arch}`,
    "Use another machine.",
  );
}

function fromMirror(release: OllamaRelease, mirror: string | undefined): OllamaRelease {
  const place = (url: string) => ollamaReleaseUrl(url, mirror === undefined ? {} : { ollama: mirror });
  const { amd64, arm64 } = release.archives;
  return {
    ...release,
    checksums: place(release.checksums),
    archives: { amd64: { ...amd64, url: place(amd64.url) }, arm64: { ...arm64, url: place(arm64.url) } },
  };
}

/**
 * The checksum of the release's archive as a piece: all that has to be known here where the host downloads the archive
 * itself. Most are in the catalogue.
 */
export function ollamaChecksum(request: OllamaRequest): Piece<string> {
  const requested = requestedRelease(request);
  const { release, arch, key } = requested;
  return {
    name: `checksum of Ollama ${request.version}`,
    find() {
      const artifact = findArtifact(key);
      const official = artifact?.origin === "official" ? artifact.sha256 : undefined;
      return Promise.resolve(official ?? release.archives[arch].sha256 ?? readPins()[key]);
    },
    async plan() {
      if (request.mirror === undefined && !(await reachable(release.checksums)))
        throw checksumUnknown(request.version, release);
      return { how: `its publisher's list, from ${release.checksums}`, seconds: 2 };
    },
    make: (report) => expectedChecksum(requested, report),
  };
}

function checksumUnknown(version: string, { checksums }: OllamaRelease): ToolchainError {
  return new ToolchainError(
    `The checksum of Ollama ${version} is not known.`,
    `the catalogue has none, and ${checksums} could not be reached`,
    "Connect this machine to the internet (a proxy by https_proxy), name a server or folder that has the list as mirrors.ollama in the stack file (docs/operate/mirrors.md), or set engine.version to a release whose checksum is in plan/catalog/releases.yaml; then run the command again.",
  );
}

const PINS = join(PRIVATE, "pins.json");

const readPins = (): Pins => (existsSync(PINS) ? pinsSchema.parse(JSON.parse(readFileSync(PINS, "utf8"))) : {});

/** From the catalogue; else as pinned by this clone; else from the publisher's list, which is then pinned. */
export async function expectedChecksum({ key, release, arch }: RequestedRelease, report: Report): Promise<string> {
  const { url, sha256 } = release.archives[arch];
  if (sha256 !== null) return sha256;
  const pins = readPins();
  if (pins[key] !== undefined) return pins[key];
  const published = checksumIn(await downloadText(release.checksums), url.split("/").pop()!);
  if (published === undefined) {
    throw new ToolchainError(
      `${url} cannot be verified.`,
      `${release.checksums} does not name it`,
      "Add its SHA-256 to plan/catalog/releases.yaml.",
    );
  }
  writePrivate(PINS, `${JSON.stringify({ ...pins, [key]: published }, undefined, 2)}\n`);
  report(`pinned the publisher's checksum, unverified by anybody else: ${published}`);
  return published;
}

/** The digest of one file in the output of `sha256sum`. */
export function checksumIn(list: string, file: string): string | undefined {
  for (const line of list.split("\n")) {
    const match = /^([0-9a-f]{64})\s+[*]?(?:\.\/)?(\S+)$/.exec(line.trim());
    if (match?.[2] === file) return match[1];
  }
  return undefined;
}
