import type { Mirrors } from "./config/mirrors";
import { pinnedRepository } from "./config/model-source";

/** What stands in the place of a source. Names and checksums stay what they are: a mirror is trusted for nothing else. */

/** Where Ollama publishes its releases. */
const OLLAMA_RELEASES = "https://github.com/ollama/ollama/releases/download";

/** The URL of a file of an Ollama release; a folder of this machine becomes a `file:` URL. */
export function ollamaReleaseUrl(url: string, { ollama }: Pick<Mirrors, "ollama">): string {
  if (ollama === undefined || !url.startsWith(`${OLLAMA_RELEASES}/`)) return url;
  const place = ollama.startsWith("folder:") ? `file://${encodeURI(ollama.slice("folder:".length))}` : ollama;
  return place + url.slice(OLLAMA_RELEASES.length);
}

/** Whether a host can be told to download from there itself: no folder of this machine, and no password that it would see. */
export const isFetchable = (mirror: string | undefined): boolean =>
  mirror === undefined || (/^https?:/.test(mirror) && !mirror.includes("@"));

/**
 * Where the host finds a wheel of PyPI. How a mirror lays out its files is its own affair, so the page that it has of the
 * package is asked: `<page>#<file>`.
 */
export function wheelUrl(name: string, url: string, { pypi }: Pick<Mirrors, "pypi">): string {
  return pypi === undefined ? url : `${pypi}/${name}/#${url.slice(url.lastIndexOf("/") + 1)}`;
}

/** Where the repositories of Hugging Face are asked for, as its own client takes it (`HF_ENDPOINT`). */
export const huggingFaceEndpoint = ({ huggingFace }: Pick<Mirrors, "huggingFace">): string =>
  `https://${huggingFace ?? "huggingface.co"}`;

/** A model's source on the mirror's server, written as a source of the stack file is; for what Ollama fetches. */
export function mirroredModelSource(source: string, { ollamaLibrary, huggingFace }: Mirrors): string {
  if (pinnedRepository(source) !== undefined) return source;
  if (huggingFace !== undefined && source.startsWith("hf.co/"))
    return source.replace(/^hf\.co/, `ollama:${huggingFace}`);
  if (ollamaLibrary === undefined || !source.startsWith("ollama:")) return source;
  const name = source.slice("ollama:".length);
  // What has no user is in the library's own name space.
  return `ollama:${ollamaLibrary}/${name.includes("/") ? name : `library/${name}`}`;
}

/** For Pulumi's PULUMI_PLUGIN_DOWNLOAD_URL_OVERRIDES: every plugin, from one place. */
export const pluginOverrides = ({ plugins }: Pick<Mirrors, "plugins">): string | undefined =>
  plugins === undefined ? undefined : `.*=${plugins}`;
