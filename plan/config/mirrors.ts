import { z } from "zod";
import { text } from "./wording";

/** The part of a stack file that says where everything comes from instead of the internet. */

const folderOrServer = () =>
  text(/^(folder:\/[^\r\n\0]*[^\r\n\0/]|https?:\/\/[^\s"'=,]*[^\s"'=,/])$/, {
    expected: "folder:/<path on this machine> or https://<server>/<path>, without a slash at the end",
    type: "folder or URL",
  });

// Modelfiles and Ollama name a server like this: no scheme, no path.
const registry = () =>
  text(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$/, {
    expected: "<server> or <server>:<port>, without https:// and without a path",
    type: "server",
    hint: "Write the server's name alone: it is reached over HTTPS.",
  });

const packages = (what: string) =>
  z
    .strictObject({
      url: text(/^(https?:\/\/|file:\/\/\/)[^\s"'=,\]]*[^\s"'=,/\]]$/, {
        expected: "https://<server>/<path> or file:///<folder on the host>, without a slash at the end",
        type: "URL",
      }).describe(`In the place of ${what}; the host reaches it.`),
      key: text(/^[0-9A-F]{40}$/, {
        expected: "40 hexadecimal digits in upper case, as gpg --show-keys prints them",
        type: "fingerprint",
      })
        .optional()
        .describe("Fingerprint of the mirror's own key, where it signs anew; without it NVIDIA's holds."),
    })
    .optional();

export const mirrorsSchema = z.strictObject({
  ollama: folderOrServer()
    .optional()
    .describe(
      "In the place of `https://github.com/ollama/ollama/releases/download`: `<mirror>/v<version>/ollama-linux-<architecture>.tar.zst`, with its `sha256sum.txt` beside it where the catalogue has no checksum.",
    ),
  ollamaLibrary: registry()
    .optional()
    .describe("In the place of `registry.ollama.ai`, for `ollama:` sources; the host reaches it."),
  huggingFace: registry()
    .optional()
    .describe("In the place of `hf.co` and `huggingface.co`, for `hf.co/` sources; the host reaches it."),
  pypi: text(/^https?:\/\/[^\s"'=,@#]*[^\s"'=,@#/]$/, {
    expected: "https://<server>/<path> of the index, without user, password and a slash at the end",
    type: "URL",
    hint: "Open the index to the address of the host without a password, or give the host a folder of wheels (engine.packages).",
  })
    .optional()
    .describe(
      "In the place of `https://pypi.org/simple`, for the packages of vLLM and Transformers and their installer: a simple index (PEP 503), which the host reaches. The lock file's checksums hold whatever it hands out. Goes before `/etc/uv/uv.toml` on the host.",
    ),
  python: text(/^(https?:\/\/|file:\/\/\/)[^\s"'=,@#]*[^\s"'=,@#/]$/, {
    expected: "https://<server>/<path> or file:///<folder on the host>, without user, password and a slash at the end",
    type: "URL",
  })
    .optional()
    .describe(
      "In the place of `https://releases.astral.sh/github/python-build-standalone/releases/download`, for the Python that vLLM and Transformers run on: `<mirror>/<date>/cpython-…-install_only_stripped.tar.gz`, whose checksum the installer knows; the host reaches it.",
    ),
  nvidiaDriver: packages("`https://developer.download.nvidia.com/compute/cuda/repos`").describe(
    "For `gpu.driver: install` on Debian and RHEL's family: `<url>/<system>/x86_64` with NVIDIA's key beside its packages.",
  ),
  nvidiaContainerToolkit: packages("`https://nvidia.github.io/libnvidia-container`").describe(
    "For `gpu.containerToolkit: install`: `<url>/stable/deb/amd64` or `<url>/stable/rpm/x86_64`, and the key as `<url>/gpgkey`.",
  ),
  plugins: text(/^https?:\/\/[^\s"'=,]*[^\s"'=,/]$/, {
    expected: "https://<server>/<path>, without a slash at the end",
    type: "URL",
  })
    .optional()
    .describe(
      "In the place of every download of a Pulumi plugin; `PULUMI_PLUGIN_DOWNLOAD_URL_OVERRIDES` in the environment goes before it.",
    ),
});

export type Mirrors = z.output<typeof mirrorsSchema>;
