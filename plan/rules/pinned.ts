import type { Engine } from "../config/schema";
import type { Finding, JudgedStep, Rule } from "./resource";

/** What comes from elsewhere is named by version and checksum, so that the same plan puts the same bytes on a host. */
export const pinnedArtifacts: Rule = {
  id: "pinned-artifacts",
  demand: "Every download is named by its version and its SHA-256: programs, Python packages, models, images.",
  exception: "on a sandbox a model may be pulled by name alone",
  judge(resource) {
    switch (resource.kind) {
      case "step":
        return [
          ...versionFindings(resource),
          ...artifactFindings(resource),
          ...lockFindings(resource),
          ...modelFindings(resource),
          ...imageFindings(resource.inputs["image"]),
        ];
      case "container":
        return imageFindings(resource.image);
      case "connection":
      case "key":
        return [];
      default:
        return resource satisfies never;
    }
  },
};

const SHA256 = /^[0-9a-f]{64}$/;

/** Names that mean another file tomorrow. */
const MOVING = /(^|[/@:=_-])(latest|main|master|head|nightly|stable)([/.:_-]|$)/i;

function versionFindings({ inputs }: JudgedStep): Finding[] {
  const { version } = inputs;
  if (version === undefined || /^\d+\.\d+\.\d+([.+-][0-9A-Za-z.+-]+)?$/.test(version)) return [];
  return [
    {
      what: "A program's version is not exact.",
      found: `version ${version}`,
      needed: "a whole version, such as 0.17.4",
      wayOut: "engine.version in the stack file; plan/catalog/releases.yaml has those that can be deployed",
    },
  ];
}

function artifactFindings({ artifacts }: JudgedStep): Finding[] {
  return Object.entries(artifacts).flatMap(([name, { sha256, url }]): Finding[] => [
    ...(SHA256.test(sha256)
      ? []
      : [
          {
            what: `The artifact ${name} is not held to a checksum.`,
            found: sha256 === "" ? "no SHA-256" : `"${sha256}"`,
            needed: "64 hexadecimal digits",
            wayOut: "sha256sum FILE prints it; it stands in the stack file or in plan/catalog",
          },
        ]),
    ...(url === undefined || namesRelease(url)
      ? []
      : [
          {
            what: `The address of ${name} names no version.`,
            found: url,
            needed: "an address whose file never becomes another",
            wayOut: "take the address of one release in plan/catalog",
          },
        ]),
  ]);
}

/** From the whole version on, where there is one: before it may stand the name of a mirror. */
function namesRelease(url: string): boolean {
  const place = /\d+\.\d+\.\d+.*/.exec(url)?.[0] ?? url;
  return /\d/.test(place) && !MOVING.test(place);
}

/** Requirement files of pip and uv: each package with `==` and at least one hash. */
function lockFindings({ files }: JudgedStep): Finding[] {
  return Object.entries(files).flatMap(([path, { text }]): Finding[] => {
    if (!/\/locks\/.*\.txt$/.test(path)) return [];
    const packages = text
      .replaceAll("\\\n", " ")
      .split("\n")
      .filter((line) => /^[A-Za-z0-9]/.test(line));
    const loose = packages.filter((line) => !/^[^ ;]+==\S+.*--hash=sha256:[0-9a-f]{64}/.test(line));
    if (loose.length === 0) return [];
    return [
      {
        what: "A Python package is not held to a version and a checksum.",
        found: `${loose.length} of ${packages.length} in ${path}, the first: ${loose[0]!.slice(0, 60).trim()}`,
        needed: "name==version --hash=sha256:…",
        wayOut: "resolve the lock file anew: toolchain/python/lock.py",
      },
    ];
  });
}

function modelFindings({ files, inputs, artifacts, terms }: JudgedStep): Finding[] {
  if (terms["target"] === "sandbox" || SHA256.test(inputs["weights_sha256"] ?? "")) return [];
  const { repository, commit } = inputs;
  return modelSources(files).flatMap((source): Finding[] =>
    source.startsWith("/") && (artifacts["weights"] !== undefined || source.startsWith("/var/lib/tms-llm-incoming/"))
      ? []
      : [
          {
            what: "A model is taken by its name, and whoever publishes it can put other weights there.",
            found: repository === undefined ? source : `${repository} at commit ${commit ?? "unknown"}`,
            needed: "the SHA-256 of its weights",
            wayOut:
              repository === undefined
                ? "sha256 beside the model in the stack file: Hugging Face shows it on the page of the GGUF file, Ollama's library in the manifest's layer of type image.model"
                : "sha256 beside the model in the stack file: with 64 zeros in quotes the host fetches the files, holds each to what Hugging Face says of it, and names the checksum that it found; docs/components/engine.md has the command that prints it elsewhere",
          },
        ],
  );
}

/** By engine, what a file of its steps names as the model: what a Modelfile is made from, or the folder that is served. */
const SOURCES: Readonly<Record<Engine["kind"], (path: string, text: string) => string[]>> = {
  // The first line alone: a system prompt may have lines of SQL.
  ollama: (path, text) => (path.startsWith("/opt/llm/modelfiles/") ? (/^FROM (.+)/.exec(text)?.slice(1, 2) ?? []) : []),
  vllm: (path, text) =>
    /^\/opt\/llm\/vllm\/.*\/config\.yaml$/.test(path) ? (/^model: (.+)$/m.exec(text)?.slice(1, 2) ?? []) : [],
  transformers: (path, text) =>
    /^\/opt\/llm\/transformers\/.*\/settings\.json$/.test(path)
      ? (/"model": "([^"]+)"/.exec(text)?.slice(1, 2) ?? [])
      : [],
};

const modelSources = (files: JudgedStep["files"]): string[] =>
  Object.entries(files).flatMap(([path, { text }]) => Object.values(SOURCES).flatMap((named) => named(path, text)));

/** The sandbox's own image is built here, under a tag that is the hash of what it is built from; an empty name is none. */
function imageFindings(image = ""): Finding[] {
  if (image === "" || /^tms-llm-sandbox:[0-9a-f]{12}$|@sha256:[0-9a-f]{64}$/.test(image)) return [];
  return [
    {
      what: "A container's image is named by a tag, which can come to mean another image.",
      found: image,
      needed: "its digest, as ubuntu@sha256:…",
      wayOut:
        "gpu.containerImage in the stack file: without it the host makes an image of its own files; `docker buildx imagetools inspect ubuntu:24.04` prints a digest; a sandbox takes the image that toolchain/sandbox-image.ts builds",
    },
  ];
}
