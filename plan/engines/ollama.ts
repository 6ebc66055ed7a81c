import { localArtifact, NotPrepared } from "../artifacts";
import { OLLAMA_RELEASES, releasedArchive } from "../catalog/ollama";
import { gpuUnitSlots } from "../gpu";
import { isFetchable, ollamaReleaseUrl } from "../mirrors";
import { engineProxyLines } from "../network";
import type { ResolvedConfig, ResolvedOllama } from "../sizing/resolved";
import { plannedFile } from "../render/payload";
import { fillTemplate } from "../render/template";
import { templateText } from "../render/template-files";
import type { PlanContext } from "../plan-context";
import type { PlannedArtifact, Step } from "../step";
import { cudaEnvironment } from "./cuda";
import { useOf } from "./modelfile";

/** Longest wait for a model to load, in seconds; large models on slow disks take minutes. */
export const LOAD_TIMEOUT_SECONDS = 900;

/** Name of Ollama's release in the artifact index. */
export const ollamaArtifact = (version: string, architecture: string) => `ollama-${version}-linux-${architecture}`;

/**
 * The archive of the release: a sandbox is sent what this machine has; another host is to download the publisher's by
 * itself, unless only this machine reaches the mirror. For that nothing has to be here but a checksum.
 */
export function ollamaArchive(
  { version }: Pick<ResolvedOllama, "version">,
  { target, mirrors }: Pick<ResolvedConfig, "target" | "mirrors">,
  { artifacts, architecture, pins = {} }: Pick<PlanContext, "artifacts" | "architecture" | "pins">,
): PlannedArtifact {
  const key = ollamaArtifact(version, architecture);
  const release = OLLAMA_RELEASES[version];
  const published = release && releasedArchive(release, architecture);
  if (target.kind === "sandbox" || published === undefined || !isFetchable(mirrors.ollama))
    return localArtifact(artifacts, key, "ollama");
  // What this machine has built itself is for sandboxes.
  const official = artifacts[key]?.origin === "official" ? artifacts[key] : undefined;
  const sha256 = official?.sha256 ?? published.sha256 ?? pins[key];
  if (sha256 === undefined)
    throw new NotPrepared(
      `the checksum of Ollama ${version} for ${architecture} is neither in plan/catalog/releases.yaml nor pinned in this clone.\n  way out: npm run up, which asks its publisher; or engine.version with one that the catalogue has a checksum of`,
    );
  const url = ollamaReleaseUrl(published.url, mirrors);
  return { name: "ollama", sha256, source: { kind: "url", url, orSent: official ? { path: official.path } : {} } };
}

/** Where a release is unpacked on a host. */
export const ollamaFolder = (version: string) => `/opt/llm/ollama/${version}`;

function attention({ flashAttention, kvCacheType }: ResolvedOllama): string[] {
  return [
    ...(flashAttention === undefined ? [] : [`OLLAMA_FLASH_ATTENTION=${flashAttention ? 1 : 0}`]),
    ...(kvCacheType === "f16" ? [] : [`OLLAMA_KV_CACHE_TYPE=${kvCacheType}`]),
  ];
}

/** Ollama as `tms-ollama.service`, on loopback, with context and parallelism pinned. */
export function ollamaStep(
  engine: ResolvedOllama,
  { models, network }: Pick<ResolvedConfig, "models" | "network">,
  archive: PlannedArtifact,
): Step {
  const settings = fillTemplate(templateText("ollama/ollama.env"), {
    port: String(engine.port),
    context: String(Math.max(...models.map(({ context }) => context))),
    parallel: String(engine.parallel),
    queue: String(engine.queue),
    models: String(models.length),
    keepAlive: String(Math.round(engine.keepAlive)),
    loadTimeout: String(LOAD_TIMEOUT_SECONDS),
    further: [...attention(engine), ...cudaEnvironment(engine)].join("\n"),
  });
  const unit = fillTemplate(templateText("units/tms-ollama.service"), {
    version: engine.version,
    ...gpuUnitSlots(engine.device),
    memoryMax:
      engine.memoryMax === undefined ? "# No MemoryMax: the stack file sets none." : `MemoryMax=${engine.memoryMax}`,
  });
  return {
    name: "ollama",
    phase: "engine",
    title: `Ollama ${engine.version} as tms-ollama.service on 127.0.0.1:${engine.port}`,
    script: "ollama.sh",
    inputs: {
      version: engine.version,
      port: String(engine.port),
      load_timeout: String(LOAD_TIMEOUT_SECONDS),
      drain: String(Math.ceil(engine.drain)),
      device: engine.device,
      rehearsal: engine.rehearsal ? "wanted" : "",
      models: models.map((model) => `${useOf(model)} ${model.name}`).join("\n"),
    },
    files: [
      plannedFile("/etc/tms-llm/ollama.env", settings + engineProxyLines(network), "root:root", "0640"),
      plannedFile("/etc/systemd/system/tms-ollama.service", unit),
    ],
    artifacts: [archive],
    secrets: [],
  };
}
