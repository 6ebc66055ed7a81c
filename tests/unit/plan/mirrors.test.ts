import { describe, expect, test } from "vitest";
import {
  huggingFaceEndpoint,
  mirroredModelSource,
  ollamaReleaseUrl,
  pluginOverrides,
  wheelUrl,
} from "../../../plan/mirrors";

const RELEASE = "https://github.com/ollama/ollama/releases/download/v0.17.4/ollama-linux-amd64.tar.zst";

describe("the archive of an Ollama release", () => {
  test.each([
    [undefined, RELEASE],
    ["https://mirror.internal/ollama", "https://mirror.internal/ollama/v0.17.4/ollama-linux-amd64.tar.zst"],
    ["folder:/srv/our mirror/ollama", "file:///srv/our%20mirror/ollama/v0.17.4/ollama-linux-amd64.tar.zst"],
  ])("with %s in its place", (ollama, url) => {
    expect(ollamaReleaseUrl(RELEASE, ollama === undefined ? {} : { ollama })).toBe(url);
  });
});

describe("the source of a model", () => {
  const mirrors = { ollamaLibrary: "registry.internal:5000", huggingFace: "hf.internal" };
  test.each([
    ["ollama:qwen3:8b", "ollama:registry.internal:5000/library/qwen3:8b"],
    ["ollama:somebody/model:7b", "ollama:registry.internal:5000/somebody/model:7b"],
    ["hf.co/Mungert/kanana-GGUF:Q4_K_M", "ollama:hf.internal/Mungert/kanana-GGUF:Q4_K_M"],
    [`hf.co/kakaocorp/kanana@${"0".repeat(40)}`, `hf.co/kakaocorp/kanana@${"0".repeat(40)}`],
    ["file:models/k.gguf", "file:models/k.gguf"],
    ["builtin:tiny", "builtin:tiny"],
  ])("%s becomes %s", (source, mirrored) => {
    expect(mirroredModelSource(source, mirrors)).toBe(mirrored);
    expect(mirroredModelSource(source, {})).toBe(source);
  });
});

test("repositories of Hugging Face are asked for on the mirror", () => {
  expect(huggingFaceEndpoint({ huggingFace: "hf.internal:8443" })).toBe("https://hf.internal:8443");
  expect(huggingFaceEndpoint({})).toBe("https://huggingface.co");
});

test("a wheel is asked for on the package's page of a mirror, which lays out its files as it likes", () => {
  const published = "https://files.pythonhosted.org/packages/c5/32/uv-0.13.8-py3-none-any.whl";
  expect(wheelUrl("uv", published, {})).toBe(published);
  expect(wheelUrl("uv", published, { pypi: "https://mirror.internal/simple" })).toBe(
    "https://mirror.internal/simple/uv/#uv-0.13.8-py3-none-any.whl",
  );
});

test("plugins come from one place", () => {
  expect(pluginOverrides({ plugins: "https://mirror.internal/plugins" })).toBe(".*=https://mirror.internal/plugins");
  expect(pluginOverrides({})).toBeUndefined();
});
