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
    hint: "Write the server's name alone: Ollama reaches it over HTTPS.",
  });

export const mirrorsSchema = z.strictObject({
  ollama: folderOrServer()
    .optional()
    .describe(
      "In the place of `https://github.com/ollama/ollama/releases/download`: `<mirror>/v<version>/ollama-linux-<architecture>.tar.zst`, with its `sha256sum.txt` beside it where the catalogue has no checksum.",
    ),
  ollamaLibrary: registry()
    .optional()
    .describe("In the place of `registry.ollama.ai`, for `ollama:` sources; the host reaches it."),
  huggingFace: registry().optional().describe("In the place of `hf.co`, for `hf.co/` sources; the host reaches it."),
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
