import { OLLAMA_RELEASES, releasedArchive } from "./catalog/ollama";
import { UV } from "./catalog/python";
import { SERVERS, type ServerName } from "./catalog/servers";
import { fetchedWeights } from "./engines/fetched-weights";
import { ollamaFolder } from "./engines/ollama";
import { engineHome, releaseFolder, type ResolvedPythonEngine, uvWheel } from "./engines/python-environment";
import { isFetchable, ollamaReleaseUrl } from "./mirrors";
import { proxyVariables } from "./network";
import { systemRow } from "./os";
import type { PlanContext } from "./plan-context";
import { repositoryList } from "./repository";
import type { ResolvedConfig, ResolvedModel } from "./sizing/resolved";

/** Which servers a host is going to need for this plan, and how it gets there. */

/** A thing of ours on the host, as its ledger names it. */
interface OnLedger {
  readonly kind: string;
  readonly id: string;
}

/** Longest wait for a server, in seconds: where the first of two name servers is dead, each name takes five. */
export const SERVER_PATIENCE = 10;

export interface NeededServer {
  readonly name: ServerName;
  /** Any of them will do. */
  readonly urls: readonly string[];
  /** Whether the host can do without: what it would fetch is then sent. */
  readonly optional?: true;
  /** What it has when nothing more is needed from there. */
  readonly there: readonly OnLedger[];
  /** A file of the host's: its administrator has named another place there, or it is what would be fetched. With it nobody is asked. */
  readonly unless?: string;
}

export interface WayOut {
  readonly servers: readonly NeededServer[];
  /** The proxy, as its clients are told of it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Names that the host is going to be told, with their addresses. */
  readonly names: Readonly<Record<string, string>>;
}

type Context = Pick<PlanContext, "architecture" | "facts">;

/** @returns undefined where the host needs no server but those of its own packages; a sandbox needs none */
export function wayOut(config: ResolvedConfig, context: Context): WayOut | undefined {
  if (config.target.kind === "sandbox") return undefined;
  const servers = [...engineServers(config, context), ...gpuServers(config, context)];
  if (servers.length === 0) return undefined;
  return { servers, environment: proxyVariables(config.network), names: config.network.hosts };
}

function engineServers(config: ResolvedConfig, context: Context): NeededServer[] {
  const { engine } = config;
  switch (engine.kind) {
    case "ollama":
      return ollamaServers(engine.version, config, context);
    case "vllm":
    case "transformers":
      return pythonServers(engine, config);
    default:
      return engine satisfies never;
  }
}

function ollamaServers(
  version: string,
  { models, mirrors, existing }: ResolvedConfig,
  { architecture }: Context,
): NeededServer[] {
  const archive = OLLAMA_RELEASES[version] && releasedArchive(OLLAMA_RELEASES[version], architecture);
  const registry = (name: ServerName, mirror: string | undefined, prefix: string): NeededServer[] => {
    // An Ollama that is adopted may have them already; which of them is for its own step to see.
    const fetched = existing.ollama === "adopt" ? [] : models.filter(({ source }) => source.startsWith(prefix));
    const there = fetched.map((model) => ({ kind: "model", id: model.name }));
    return fetched.length === 0 ? [] : [{ name, urls: placeOf(name, mirror && `https://${mirror}`), there }];
  };
  return [
    ...(archive && isFetchable(mirrors.ollama)
      ? [
          {
            name: "ollama" as const,
            urls: [ollamaReleaseUrl(archive.url, mirrors)],
            optional: true as const,
            there: [{ kind: "tree", id: ollamaFolder(version) }],
          },
        ]
      : []),
    ...registry("ollamaLibrary", mirrors.ollamaLibrary, "ollama:"),
    ...registry("huggingFaceGguf", mirrors.huggingFace, "hf.co/"),
  ];
}

/** The administrator's own settings of uv. */
const UV_SETTINGS = "/etc/uv/uv.toml";

function pythonServers(engine: ResolvedPythonEngine, { models, mirrors }: ResolvedConfig): NeededServer[] {
  const home = engineHome(engine.kind);
  const byUv = (name: ServerName, mirror: string | undefined): NeededServer[] =>
    mirror?.startsWith("file:")
      ? []
      : [
          {
            name,
            urls: placeOf(name, mirror),
            there: [{ kind: "tree", id: releaseFolder(engine) }],
            ...(mirror === undefined ? { unless: UV_SETTINGS } : {}),
          },
        ];
  return [
    {
      name: "installer",
      urls: placeOf("installer", mirrors.pypi),
      there: [{ kind: "tree", id: `${home}/uv-${UV.version}` }],
      // It may lie among the wheels.
      ...(engine.packages === "index"
        ? {}
        : { unless: `${engine.packages.slice("folder:".length)}/${uvWheel(engine.lock)}` }),
    },
    ...(engine.packages === "index" ? [...byUv("pypi", mirrors.pypi), ...byUv("python", mirrors.python)] : []),
    ...models.flatMap((model) => weightsServer(model, mirrors, home)),
  ];
}

function weightsServer(model: ResolvedModel, mirrors: ResolvedConfig["mirrors"], home: string): NeededServer[] {
  const fetched = fetchedWeights(model, mirrors, home);
  if (!fetched || !model.download) return [];
  const there = [{ kind: "weights", id: fetched.folder }];
  return [
    {
      name: "huggingFace",
      urls: placeOf("huggingFace", mirrors.huggingFace && `https://${mirrors.huggingFace}`),
      there,
    },
  ];
}

function gpuServers({ gpu, mirrors }: ResolvedConfig, { facts }: Context): NeededServer[] {
  const row = facts && systemRow(facts.system);
  const manager = row?.family === "rhel" ? "dnf" : "apt";
  const repository = (
    name: "nvidiaDriver" | "nvidiaContainerToolkit",
    list: string,
    // Somebody else's is left as it is, and nothing is fetched.
    unless: string,
  ): NeededServer[] => {
    const mirror = mirrors[name]?.url;
    if (mirror?.startsWith("file:")) return [];
    const there = [{ kind: "file", id: repositoryList(manager, list) }];
    return [{ name, urls: placeOf(name, mirror), there, unless }];
  };
  return [
    // Ubuntu's own archive has the driver.
    ...(gpu.driver === "install" && row && row.id !== "ubuntu"
      ? repository("nvidiaDriver", "nvidia-driver", "/usr/bin/nvidia-smi")
      : []),
    ...(gpu.containerToolkit === "install"
      ? repository("nvidiaContainerToolkit", "nvidia-container-toolkit", "/usr/bin/nvidia-ctk")
      : []),
  ];
}

const placeOf = (name: ServerName, mirror: string | undefined): readonly string[] =>
  mirror === undefined ? SERVERS[name].urls : [mirror];
