/**
 * Every server that a deployment needs: who asks it, for what, and what stands in its place. Preflight asks those of the
 * host, one by one; the table of docs/operate/mirrors.md is made from this list.
 */

export interface Server {
  readonly asks: "host" | "this machine";
  /** URLs, any of which will do; none where the client's own configuration says where it goes. */
  readonly urls: readonly string[];
  /** Where they send the client on to. Nobody is asked there: such names change. */
  readonly leadsTo?: readonly string[];
  /** What comes from there. */
  readonly what: string;
  /** When it is needed, as the stack file says it. */
  readonly when: string;
  /** What to do where it must not or cannot be reached. */
  readonly instead: string;
  /** `seen`: in what the client did or said in November 2026, or in this project's own code. `memory`: not seen again since. */
  readonly source: "seen" | "memory";
}

const WHEELS = "`engine.packages: folder:<folder of wheels on the host>`";

export const SERVERS = {
  packages: {
    asks: "host",
    urls: [],
    what: "packages of the system: nginx, curl, a firewall, compilers",
    when: "always, where they are not installed",
    instead: "the sources of apt or dnf on the host; `network.proxy`",
    source: "seen",
  },
  ollama: {
    asks: "host",
    urls: ["https://github.com/ollama/ollama/releases/download"],
    leadsTo: ["release-assets.githubusercontent.com", "objects.githubusercontent.com"],
    what: "Ollama's release, 1.5 GB",
    when: "`engine.kind: ollama`; a host that does not reach it is sent the archive from this machine",
    instead: "`mirrors.ollama`",
    source: "memory",
  },
  ollamaLibrary: {
    asks: "host",
    urls: ["https://registry.ollama.ai"],
    leadsTo: ["*.r2.cloudflarestorage.com"],
    what: "models of Ollama's library",
    when: "`source: ollama:…`",
    instead: "`mirrors.ollamaLibrary`; `source: file:<path>` with its `sha256`, which is sent over SSH",
    source: "memory",
  },
  huggingFaceGguf: {
    asks: "host",
    urls: ["https://hf.co"],
    leadsTo: ["huggingface.co", "cas-bridge.xethub.hf.co", "cdn-lfs*.hf.co"],
    what: "GGUF models of Hugging Face, for Ollama",
    when: "`source: hf.co/…`",
    instead: "`mirrors.huggingFace`; `source: file:<path>` with its `sha256`, which is sent over SSH",
    source: "memory",
  },
  huggingFace: {
    asks: "host",
    urls: ["https://huggingface.co"],
    leadsTo: ["cas-bridge.xethub.hf.co", "cdn-lfs*.hf.co"],
    what: "weights of a commit, for vLLM and Transformers",
    when: "`source: hf.co/…@<commit>` without `download: false`",
    instead:
      "`mirrors.huggingFace`; `source: folder:<path>`, or `download: false`, with the weights brought to the host",
    source: "memory",
  },
  installer: {
    asks: "host",
    urls: ["https://files.pythonhosted.org"],
    what: "uv, which installs vLLM and Transformers, 17 MB",
    when: "`engine.kind: vllm` or `transformers`",
    instead: "`mirrors.pypi`; its wheel in the folder of `engine.packages: folder:<folder of wheels on the host>`",
    source: "seen",
  },
  pypi: {
    asks: "host",
    urls: ["https://pypi.org/simple"],
    leadsTo: ["files.pythonhosted.org"],
    what: "the packages of vLLM and Transformers, several GB",
    when: "`engine.packages: index`, which is the default",
    instead: `\`mirrors.pypi\`; ${WHEELS}`,
    source: "seen",
  },
  python: {
    asks: "host",
    urls: [
      "https://releases.astral.sh/github/python-build-standalone/releases/download",
      "https://github.com/astral-sh/python-build-standalone/releases/download",
    ],
    leadsTo: ["release-assets.githubusercontent.com"],
    what: "the Python that vLLM and Transformers run on",
    when: "`engine.packages: index`, which is the default",
    instead: `\`mirrors.python\`; ${WHEELS}, with the host's own Python`,
    source: "memory",
  },
  nvidiaDriver: {
    asks: "host",
    urls: ["https://developer.download.nvidia.com/compute/cuda/repos"],
    what: "NVIDIA's driver",
    when: "`gpu.driver: install` on Debian and RHEL's family",
    instead: "`mirrors.nvidiaDriver`; install the driver yourself",
    source: "seen",
  },
  nvidiaContainerToolkit: {
    asks: "host",
    urls: ["https://nvidia.github.io/libnvidia-container"],
    what: "NVIDIA's container toolkit",
    when: "`gpu.containerToolkit: install`",
    instead: "`mirrors.nvidiaContainerToolkit`",
    source: "seen",
  },
  nodePackages: {
    asks: "this machine",
    urls: [],
    what: "the packages of this project, and Node where it is too old",
    when: "always, where they are not installed",
    instead: "the registry of npm (`npm config set registry`)",
    source: "seen",
  },
  pulumiCli: {
    asks: "this machine",
    urls: ["https://get.pulumi.com"],
    what: "the Pulumi CLI",
    when: "where none is installed",
    instead: "install Pulumi; else it is built from Go modules (`go env GOPROXY`)",
    source: "seen",
  },
  pulumiPlugins: {
    asks: "this machine",
    urls: ["https://api.github.com", "https://get.pulumi.com"],
    leadsTo: ["github.com", "release-assets.githubusercontent.com"],
    what: "Pulumi's provider plugins",
    when: "always; a sandbox does with stand-ins",
    instead: "`mirrors.plugins`",
    source: "memory",
  },
  ollamaHere: {
    asks: "this machine",
    urls: ["https://github.com/ollama/ollama/releases/download"],
    leadsTo: ["release-assets.githubusercontent.com", "objects.githubusercontent.com"],
    what: "the checksum of Ollama's release where the catalogue has none, and the release where the host does not reach it",
    when: "`engine.kind: ollama`; a sandbox does with a build from Go modules",
    instead: "`mirrors.ollama`, which may be a folder",
    source: "memory",
  },
  sandboxImage: {
    asks: "this machine",
    urls: ["https://registry-1.docker.io/v2/"],
    leadsTo: ["auth.docker.io", "production.cloudflare.docker.com"],
    what: "the image debian:12, for sandboxes",
    when: "`target.kind: sandbox`",
    instead: "`docker load`; else it is built with debootstrap from the sources of apt",
    source: "memory",
  },
  wheels: {
    asks: "this machine",
    urls: [],
    what: "the packages of vLLM and Transformers, for sandboxes",
    when: "`target.kind: sandbox` with `engine.kind: vllm` or `transformers`",
    instead: "the index of pip (`pip config set global.index-url`)",
    source: "seen",
  },
} as const satisfies Readonly<Record<string, Server>>;

export type ServerName = keyof typeof SERVERS;
